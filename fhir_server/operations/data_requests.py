"""$rectification: a person says what is wrong in their record; $data-requests: how what they asked for stands.

Ours; R4 has none. LGPD, art. 18, III. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_server.access import visible
from fhir_server.access.relations import patients
from fhir_server.audit.trail import saw
from fhir_server.bundle import Entry, searchset
from fhir_server.compartment import member_types
from fhir_server.definitions import structure
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import Given, simple
from fhir_server.outcome import Forbidden, Invalid, Unprocessable
from fhir_server.privacy import queue
from fhir_server.privacy.requests import RECTIFICATION, asked
from fhir_server.privacy.subject import patient_rid, spoken_for
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters
from mappings.r4 import serialize
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

NEEDS = "Communication.c Patient.r"
"""Who may ask: it is a message to whoever answers for data protection."""
OFFICER = "privacy-officer"
_LONGEST = 2000
_ELEMENT = re.compile(r"([A-Z][A-Za-z]+)\.([a-z][A-Za-z0-9]*)((?:\.[a-z][A-Za-z0-9]*|\[[0-9]{1,4}\])*)")


async def rectification(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """201 with the Task: `resource` and `element` (a FHIRPath) that are wrong, `statement` what is, `wanted` instead.

    The record stays as it is, whatever comes of it: staff correct it. Raises Forbidden, NotFound, Invalid,
    Unprocessable (no such resource in this record), TooManyRequests.
    """
    assert id is not None  # the table of operations has it for instances only
    given = simple(request, ("resource", "element", "statement", "wanted"))
    access = request.access
    rid, by = await spoken_for(server, access, id, NEEDS)
    statement, wanted = text(given, "statement"), text(given, "wanted", needed=False)
    target = given.get("resource", [""])[0]
    kind = target.partition("/")[0]
    element = _element(given, kind)
    await _in_record(server, access, target, rid)
    inputs = [("statement", statement), ("element", element), ("wanted", wanted)]
    values = [(name, {"valueString": value}) for name, value in inputs if value]
    return await queue.put(server, rid, asked(RECTIFICATION, id, by, access.subject, server.now(), values, target))


async def data_requests(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """A searchset of the Tasks, newest first; for who decides, too. Raises Forbidden, NotFound, Invalid."""
    assert id is not None
    simple(request, ())
    access = request.access
    if OFFICER in access.roles:
        rid = await patient_rid(server.store, access, id)
    else:
        rid, _ = await spoken_for(server, access, id, "Communication.r Patient.r")
    found = await queue.of_patient(server.store, rid)
    saw([rid, *((one, version) for one, version, _ in found)])
    entries = [Entry("Task", task["id"], serialize(task), "match") for _, _, task in found]
    return FhirResponse(200, searchset(server.base, entries, {"self": f"{server.base}/Patient/{id}/$data-requests"}))


def text(given: Given, name: str, *, needed: bool = True, longest: int = _LONGEST) -> str:
    """A text of some length, "" if it may be absent and is. Raises Invalid."""
    value = given.get(name, [""])[0].strip()
    if len(value) > longest or (needed and len(value) < 3):
        raise Invalid(f"{name}: 3 to {longest} characters", code="required" if not value else "value",
                      expression=(f"Parameters.parameter.where(name='{name}')",))  # fmt: skip
    return value


def _element(given: Given, kind: str) -> str:
    """The element that is wrong, "" for none in particular. Raises Invalid."""
    if "element" not in given:
        return ""
    [value] = given["element"]
    found = _ELEMENT.fullmatch(value)
    names = structure(kind).elements.values() if kind in TYPE_ID else ()
    if found is None or found[1] != kind or not any(found[2] in (one.name, *one.json_names()) for one in names):
        raise Invalid("element is a path in the resource, such as Observation.value", code="value",
                      expression=("Parameters.parameter.where(name='element')",))  # fmt: skip
    return value


async def _in_record(server: Server, access: Access, target: str, patient: int) -> None:
    """Raises Invalid for what is no reference, Unprocessable for what is not in the record, or not visible."""
    kind, _, id = target.partition("/")
    if kind not in TYPE_ID or not id:
        raise Invalid("resource is a reference such as Observation/1", code="value",
                      expression=("Parameters.parameter.where(name='resource')",))  # fmt: skip
    parameters = Parameters()
    whose = patients("r.rid", (kind,), parameters) if kind in (*member_types("Patient"), "Patient") else "select null"
    statement = (
        f"select 1 from resource r where r.type_id = {TYPE_ID[kind]} and r.fhir_id = {parameters.add(id, 'text')}"
        f" and r.body is not null and {visible(access.using('r'), 'r', parameters)}"
        f" and {parameters.add(patient, 'bigint')} in ({whose})"
    )
    if not await server.store.select(parameters.statement(statement)):
        raise Unprocessable("the record has no such resource", code="not-found",
                            expression=("Parameters.parameter.where(name='resource')",))  # fmt: skip


def officer(access: Access) -> None:
    """Raises Forbidden for who does not answer for data protection."""
    if OFFICER not in access.roles:
        raise Forbidden("this is for whoever answers for data protection")
