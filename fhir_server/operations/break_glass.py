"""$break-glass: an emergency opens one patient's record for a while, and is told to whom it concerns.

Ours; R4 has none. The purpose is BTG: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server.access import glass
from fhir_server.access.step_up import stepped_up
from fhir_server.audit.trail import flag
from fhir_server.commit import told
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.logical_ids import new_id
from fhir_server.notice import CODES, notice
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Forbidden, Invalid, NotFound
from fhir_server.prepare import prepare_create
from fhir_server.statement import Parameters
from fhir_server.version import instant
from mappings.r4 import serialize
from smart_auth.scopes import UNRESTRICTED

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

ROLES = frozenset({"nurse", "physician", "provider-staff"})
SHORTEST, LONGEST = 10, 500
"""Characters of a reason."""


async def break_glass(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Parameters with the times from and until which the record is open. Raises Forbidden, Invalid, NotFound."""
    assert id is not None  # the table of operations has it for instances only
    access, now = request.access, server.now()
    if not ROLES & set(access.roles):
        raise Forbidden("breaking the glass is for those who treat patients")
    stepped_up(access, now)
    reason = simple(request, ("reason",)).get("reason", [""])[0].strip()
    if not SHORTEST <= len(reason) <= LONGEST:
        raise Invalid(f"a reason of {SHORTEST} to {LONGEST} characters is needed", code="required",
                      expression=("Parameters.parameter.where(name='reason')",))  # fmt: skip
    # The patient may well be one whom nobody but the glass opens.
    patient = await server.store.read(UNRESTRICTED, "Patient", id)
    if patient is None or patient.body is None:
        raise NotFound("there is no such resource")
    flag(glass.PURPOSE)
    since = now + glass.DELAY * 1_000_000
    until = since + glass.SECONDS * 1_000_000
    text = (
        "O seu prontuário foi aberto em uma emergência, por um profissional de saúde, até"
        f" {instant(until)}. O encarregado de dados examina cada abertura."
    )
    notices = [_task(id, access.subject, reason, now), notice(id, "break-glass", text, now)]
    changes = [prepare_create(one, one["resourceType"], new_id()) for one in notices]
    parameters = Parameters()
    opened = parameters.statement(
        "insert into break_glass (subject, patient_rid, since, until) values ("
        f"{parameters.add(access.subject, 'text')}, {parameters.add(patient.rid, 'bigint')},"
        f" {parameters.add(since, 'bigint')}, {parameters.add(until, 'bigint')})"
        " on conflict (subject, patient_rid) do update set until = excluded.until,"
        " since = case when break_glass.until > excluded.since then break_glass.since else excluded.since end"
    )
    with told(server.base, [change.resource for change in changes]):
        async with server.store.transaction(UNRESTRICTED) as unit:
            await unit.write(changes)
            await unit.run([opened])
    await server.store.learn()
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "since", "valueInstant": instant(since)}, {"name": "until", "valueInstant": instant(until)},
    ]}  # fmt: skip
    return FhirResponse(200, serialize(body))


def _task(patient: str, subject: str, reason: str, now: int) -> dict[str, Any]:
    """What the privacy officer is to look into."""
    return {
        "resourceType": "Task", "status": "requested", "intent": "order", "priority": "urgent",
        "code": {"coding": [{"system": CODES, "code": "break-glass"}]}, "for": {"reference": f"Patient/{patient}"},
        "authoredOn": instant(now), "reasonCode": {"text": reason},
        "requester": {"identifier": {"system": "urn:fhir-hub:subject", "value": subject}},
        "performerType": [{"coding": [{"system": CODES, "code": "privacy-officer"}]}],
    }  # fmt: skip
