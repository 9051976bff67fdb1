"""$reindex: search rows of stored resources compared and mended, as a job. Ours; R4 has none. docs/operations.md"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server import jobs
from fhir_server.access.interactions import wide
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.update import standing
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Forbidden, Issue, NotFound, Unprocessable, operation_outcome
from fhir_server.reindex.goal import STORED, of_parameter, waits
from fhir_server.search.parameters import current
from fhir_server.statement import Parameters
from mappings.r4 import parse, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def reindex(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """202 with the URL of the job's status: of everything, of a type, of the parameter that a SearchParameter defines.

    On everything, `parameter` names one search parameter by its url, R4's included. Raises Invalid, NotFound,
    Unprocessable, Forbidden, TooManyJobs.
    """
    if not wide(request.access, "cruds"):
        raise Forbidden("search rows are written anew by who may change everything: system/*.cruds")
    given = simple(request, () if resource_type else ("parameter",))
    await server.store.learn()
    order: dict[str, Any] = {"types": [resource_type] if resource_type else []}
    if id is not None:
        order = await _of_resource(server, request, id)
    elif "parameter" in given:
        [url] = given["parameter"]
        of_parameter(url)
        order = _order(url)
    job, url = jobs.new_job_id(), "/".join((server.base, *request.path))
    await jobs.create(server.store, jobs.REINDEX, url, order, request.access, server.now(), job)
    if order == STORED:
        await _claim(server, request, job)
    begun = Issue(
        "informational", "the reindex is under way; Content-Location tells how it goes", severity="information"
    )
    return FhirResponse(202, serialize(operation_outcome([begun])), location=f"_jobs/{job}")


async def _of_resource(server: Server, request: FhirRequest, id: str) -> dict[str, Any]:
    version = standing(await server.store.read(request.access.using("r"), "SearchParameter", id))
    if version is None or version.body is None:
        raise NotFound("there is no such SearchParameter")
    url = parse(version.body).get("url")
    if current().urls.get(url) != id or url not in current().rows:
        raise Unprocessable(
            "this SearchParameter is not in force: it is not active, or R4 has it already",
            code="business-rule",
            expression=("SearchParameter.status",),
        )
    return _order(url)


def _order(url: str) -> dict[str, Any]:
    """What a job does for one parameter: its first rows, or a comparison."""
    return STORED if waits(url) else {"url": url}


async def _claim(server: Server, request: FhirRequest, job: str) -> None:
    """From now on this job tells how far the parameters are that nobody indexes."""
    parameters = Parameters()
    waiting = f"'{jobs.WAITING}', '{jobs.RUNNING}'"
    statement = parameters.statement(
        f"update search_parameter p set job = {parameters.add(job, 'text')} where state = 'indexing'"
        f" and not exists (select from job j where j.id = p.job and j.state in ({waiting}))"
    )
    async with server.store.transaction(request.access) as unit:
        await unit.run([statement])
