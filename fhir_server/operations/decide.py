"""$decide: what whoever answers for data protection says to a request. Ours; R4 has none.

LGPD, art. 18 and 41. https://hl7.org/fhir/R4/task.html#statemachine
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fhir_server.access.step_up import stepped_up
from fhir_server.audit.trail import saw
from fhir_server.commit import settle, told
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.data_requests import officer, text
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Invalid, NotFound
from fhir_server.prepare import checked, prepare_update
from fhir_server.privacy.erasure import Judged, erase, judged
from fhir_server.privacy.portability import withdrawn
from fhir_server.privacy.requests import (
    ACCEPT,
    COMPLETE,
    ERASURE,
    REJECT,
    Value,
    decided,
    following,
    kind_of,
    named,
)
from fhir_server.privacy.retention import VERSION
from fhir_server.privacy.subject import patient_rid
from fhir_server.statement import Statement
from fhir_server.unit import Unit
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

DECISIONS = (ACCEPT, REJECT, COMPLETE)


async def decide(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """200 with the Task: `decision` accept, reject, or complete with its `outcome` (a reference, or words); `reason`.

    To accept an erasure carries it out, in the same transaction, and needs a second factor shown just now. Raises
    Forbidden, NotFound, Invalid, Unprocessable (no such request), Conflict (it stands otherwise).
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
        gone: list[tuple[str, str]] = []
        async with server.store.transaction(access) as unit:
            current = await unit.read(access.using("r"), "Task", id)
            if current is None or current.body is None:
                raise NotFound("there is no such resource")
            before = parse(current.body)
            status = following(before, decision)
            came = list(outputs)
            with told(server.base, [None]):
                if kind_of(before) == ERASURE and decision == ACCEPT:
                    stepped_up(access, server.now())
                    found = await _record(server, unit, before)
                    gone += await erase(unit, found, integrity=server.store.referential_integrity)
                    came += _outputs(found)
                    await unit.run([withdrawn(before["for"]["reference"].split("/")[-1]), Statement("notify job")])
                after = decided(before, status, reason, server.now(), came)
                change = prepare_update(checked(after, "Task")[0], "Task", id, current)
                assert change is not None  # its date is new
                [version] = await unit.write([change])
        server.store.rids.forget(gone)
        saw([(version.rid, version.version_id)])
        return FhirResponse(200, version.body, version_id=version.version_id, last_updated=version.last_updated)

    return await settle(server, ("Task", id), attempt)


async def _record(server: Server, unit: Unit, task: Mapping[str, Any]) -> Judged:
    """What becomes of the record a request is about. All of it: whoever decides sees no more than numbers of it."""
    patient = task["for"]["reference"].split("/")[-1]
    rid = await patient_rid(unit, UNRESTRICTED, patient)
    classes = [one["valueCode"] for one in named(task, "class")]
    return await judged(unit, UNRESTRICTED, rid, server.now(), classes)


def _outputs(found: Judged) -> list[tuple[str, Value]]:
    """What is remembered of it: how many of each class went and stayed, and until when; none of the content."""
    came: list[tuple[str, Value]] = [("table", {"valueString": VERSION})]
    for code, verdict in found.classes.items():
        if verdict.erased:
            came.append((f"erased/{code}", {"valueUnsignedInt": len(verdict.erased)}))
        if verdict.kept:
            came.append((f"kept/{code}", {"valueUnsignedInt": len(verdict.kept)}))
        if verdict.until is not None:
            came.append((f"until/{code}", {"valueDate": verdict.until.isoformat()}))
    return came
