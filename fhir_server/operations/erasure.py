"""$erasure-plan: what would be erased of a record, what must stay, until when and by which law; $erasure asks for it.

Ours; R4 has none. LGPD, art. 16 and 18, VI. The classes are those of `privacy/retention.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server.audit.trail import saw
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.data_requests import NEEDS, OFFICER, text
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Invalid
from fhir_server.privacy import queue
from fhir_server.privacy.erasure import Judged, judged
from fhir_server.privacy.requests import ERASURE, Value, asked
from fhir_server.privacy.retention import CLASSES, VERSION
from fhir_server.privacy.subject import patient_rid, spoken_for
from mappings.r4 import serialize
from smart_auth.scopes import UNRESTRICTED

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def erasure_plan(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Parameters: each class with how many resources would go and would stay, until when, the law, and what is unsure.

    To the person of what they see; to who decides of all, in numbers alone. Raises Forbidden, NotFound, Invalid,
    Unprocessable.
    """
    assert id is not None  # the table of operations has it for instances only
    simple(request, ())
    access = request.access
    if OFFICER in access.roles:
        rid = await patient_rid(server.store, access, id)
        access = UNRESTRICTED
    else:
        rid, _ = await spoken_for(server, access, id, "Communication.r Patient.r")
    found = await judged(server.store, access.using("r"), rid, server.now())
    saw([rid])
    return FhirResponse(200, serialize(_told(found)))


async def erasure(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """201 with the Task: `class`, any number of times, what is to be erased (none: all that may be); `statement`.

    Nothing is erased before whoever answers for data protection says so. Raises Forbidden, NotFound, Invalid,
    TooManyRequests.
    """
    assert id is not None
    given = simple(request, ("class", "statement"), repeated=("class",))
    classes = list(dict.fromkeys(given.get("class", CLASSES)))
    if not CLASSES.keys() >= set(classes):
        raise Invalid(f"class is one of {', '.join(CLASSES)}", code="value",
                      expression=("Parameters.parameter.where(name='class')",))  # fmt: skip
    statement = text(given, "statement", needed=False)
    rid, by = await spoken_for(server, request.access, id, NEEDS)
    inputs: list[tuple[str, Value]] = [("class", {"valueCode": code}) for code in classes]
    if statement:
        inputs.append(("statement", {"valueString": statement}))
    return await queue.put(server, rid, asked(ERASURE, id, by, request.access.subject, server.now(), inputs))


def _told(found: Judged) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [{"name": "table", "valueString": VERSION}]
    for code, rule in CLASSES.items():
        verdict = found.classes[code]
        parameters.append({"name": "class", "part": [
            {"name": "code", "valueCode": code}, {"name": "title", "valueString": rule.title},
            {"name": "what", "valueString": rule.what}, {"name": "years", "valueInteger": rule.years},
            {"name": "erased", "valueInteger": len(found.seen.intersection(verdict.erased))},
            {"name": "kept", "valueInteger": len(found.seen.intersection(verdict.kept))},
            *([{"name": "until", "valueDate": verdict.until.isoformat()}] if verdict.until else []),
            *({"name": "source", "valueString": source} for source in rule.sources),
            *([{"name": "confirm", "valueString": rule.confirm}] if rule.confirm else []),
        ]})  # fmt: skip
    return {"resourceType": "Parameters", "parameter": parameters}
