"""FHIR create interaction, conditional create too. https://hl7.org/fhir/R4/http.html#create"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.access.writing import judge
from fhir_server.body import resource_of
from fhir_server.commit import settle, told, write
from fhir_server.conditional import Query, criteria, lock_key
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.logical_ids import new_id
from fhir_server.outcome import Issue, PreconditionFailed
from fhir_server.parameters_allowed import only
from fhir_server.prefer import prefer, written
from fhir_server.prepare import Resource, checked, prepare_create
from fhir_server.search.match import matches

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def create(server: Server, request: FhirRequest, resource_type: str) -> FhirResponse:
    """201 with the new resource; with If-None-Exist 200 and the one that matches, or 412 if several do.

    Raises Invalid, Unprocessable, PreconditionFailed.
    """
    only(request)
    returns = prefer(request.headers).returns
    resource, issues = checked(
        resource_of(request, resource_type), resource_type, warnings=returns == "OperationOutcome"
    )
    if_none_exist = request.headers.get("if-none-exist")
    if if_none_exist is not None:
        query = criteria(resource_type, if_none_exist)
        return await _unless_exists(server, request, resource_type, resource, query, issues)
    version = await write(server, prepare_create(resource, resource_type, new_id()), request.access)
    return written(request, version, created=True, issues=issues)


async def _unless_exists(
    server: Server,
    request: FhirRequest,
    resource_type: str,
    resource: Resource,
    query: Query,
    issues: list[Issue],
) -> FhirResponse:
    key = lock_key(resource_type, query)

    async def attempt() -> FhirResponse:
        change = prepare_create(resource, resource_type, new_id())
        with told(server.base, [change.resource]):
            async with server.store.transaction(request.access) as unit:
                # First the lock, then a look in a statement of its own: it sees what the holder before us committed.
                await unit.lock([key])
                found = await matches(unit, request.access.using("s"), server.base, resource_type, query)
                if len(found) > 1:
                    raise PreconditionFailed("If-None-Exist: several resources match", code="multiple-matches")
                if found:
                    [version] = await unit.read_as(request.access.using("s"), [(resource_type, found[0][1])])
                    if version is not None and version.body is not None:
                        return written(request, version, created=False, unchanged=True)
                [version] = await unit.write([change])
                await judge(unit, request.access, [change])
        return written(request, version, created=True, issues=issues)

    return await settle(server, key, attempt)
