"""$decide: what whoever answers for data protection says to a request. Ours; R4 has none.

LGPD, art. 18 and 41. https://hl7.org/fhir/R4/task.html#statemachine
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.audit.trail import saw
from fhir_server.commit import settle, told
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.data_requests import officer, text
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Invalid, NotFound
from fhir_server.prepare import checked, prepare_update
from fhir_server.privacy.requests import ACCEPT, COMPLETE, REJECT, Value, decided, following
from mappings.r4 import parse

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

DECISIONS = (ACCEPT, REJECT, COMPLETE)


async def decide(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """200 with the Task: `decision` accept, reject, or complete with its `outcome` (a reference, or words); `reason`.

    Raises Forbidden, NotFound, Invalid, Unprocessable (no such request), Conflict (it stands otherwise).
    """
    assert id is not None  # the table of operations has it for instances only
    access = request.access
    officer(access)
    given = simple(request, ("decision", "reason", "outcome"))
    decision = given.get("decision", [""])[0]
    if decision not in DECISIONS:
        raise Invalid(f"decision is one of {', '.join(DECISIONS)}", code="value",
                      expression=("Parameters.parameter.where(name='decision')",))  # fmt: skip
    reason = text(given, "reason")
    outcome = text(given, "outcome", needed=decision == COMPLETE)
    outputs: list[tuple[str, Value]] = [("outcome", {"valueString": outcome})] if outcome else []

    async def attempt() -> FhirResponse:
        async with server.store.transaction(access) as unit:
            current = await unit.read(access.using("r"), "Task", id)
            if current is None or current.body is None:
                raise NotFound("there is no such resource")
            before = parse(current.body)
            after = decided(before, following(before, decision), reason, server.now(), outputs)
            change = prepare_update(checked(after, "Task")[0], "Task", id, current)
            assert change is not None  # its date is new
            with told(server.base, [change.resource]):
                [version] = await unit.write([change])
        saw([(version.rid, version.version_id)])
        return FhirResponse(200, version.body, version_id=version.version_id, last_updated=version.last_updated)

    return await settle(server, ("Task", id), attempt)
