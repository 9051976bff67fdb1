"""$export of the system, of patients, of a group: puts a job in. https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-kick-off-request"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fhir_server import jobs
from fhir_server.body import json_of
from fhir_server.bulk.covered import covered
from fhir_server.bulk.export import members
from fhir_server.bulk.order import GROUP, PATIENT, SYSTEM, ExportOrder, read_order
from fhir_server.bulk.selection import patient_rids
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Gone, Invalid, Issue, MethodNotAllowed, NotFound, operation_outcome
from fhir_server.parameters_allowed import GENERAL
from fhir_server.prefer import prefer
from mappings.r4 import Json, parse, serialize
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def export(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """202 with the URL of the job's status. Raises Invalid, NotFound, Gone, TooManyJobs."""
    if request.method == "HEAD":
        raise MethodNotAllowed("an export is asked for by GET or POST")
    level = {None: SYSTEM, "Patient": PATIENT, "Group": GROUP}[resource_type]
    named = [(name, value) for name, value in request.query if name not in GENERAL]
    if request.method == "POST" and request.body:
        named += _posted(json_of(request))
    order, ignored = read_order(level, id, named, lenient=prefer(request.headers).lenient)
    order, access = covered(order, request.access)
    await _check_patients(server, order, access)
    url = "/".join((server.base, *request.path))
    if request.query:
        url += "?" + urlencode(request.query)
    job = jobs.new_job_id()
    await jobs.create(server.store, jobs.EXPORT, url, asdict(order), access, server.now(), job)
    started = Issue(
        "informational", "the export is under way; Content-Location tells how it goes", severity="information"
    )
    return FhirResponse(202, serialize(operation_outcome([started, *ignored])), location=f"_jobs/{job}")


def _posted(body: Json) -> list[tuple[str, str]]:
    """Names and text values of a Parameters resource. Raises Invalid."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Invalid("the body of $export is a Parameters resource", code="structure")
    found = []
    for position, parameter in enumerate(body.get("parameter") or ()):
        where = f"Parameters.parameter[{position}]"
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            raise Invalid("a parameter has a name", code="structure", expression=(where,))
        values = [value for name, value in parameter.items() if name.startswith("value")]
        value = values[0].get("reference") if values and isinstance(values[0], dict) else (values or [None])[0]
        if len(values) != 1 or not isinstance(value, str):
            raise Invalid(
                "a parameter of $export has one value: text, or a reference", code="value", expression=(where,)
            )
        found.append((parameter["name"], value))
    return found


async def _check_patients(server: Server, order: ExportOrder, access: Access) -> None:
    """Raises NotFound or Gone for a group that is not there, Invalid for patients that are not there, or not in it."""
    wanted = set(order.patients)
    if order.group is not None:
        version = await server.store.read(access, "Group", order.group)
        if version is None:
            raise NotFound("there is no such Group")
        if version.body is None:
            raise Gone("the Group was deleted")
        if not wanted <= members(parse(version.body)):
            raise Invalid("patient names patients who are not in the group", code="value")
    if wanted:
        there = await server.store.select(patient_rids(sorted(wanted), access))
        if len(there) != len(wanted):
            raise Invalid("patient names patients who do not exist", code="not-found")
