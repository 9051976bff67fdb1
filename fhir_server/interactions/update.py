"""FHIR update interaction: update as create, conditional update. https://hl7.org/fhir/R4/http.html#update"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.access.writing import judge, may_appear, professional
from fhir_server.body import resource_of
from fhir_server.commit import settle, told, write
from fhir_server.conditional import hold, lock_key, require_criteria
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.logical_ids import new_id
from fhir_server.outcome import Conflict, Invalid, Issue, PreconditionFailed
from fhir_server.parameters_allowed import only
from fhir_server.prefer import prefer, written
from fhir_server.prepare import Resource, checked, prepare_update, same_id
from fhir_server.search.match import matches
from fhir_server.unit import Unit
from fhir_server.version import Version

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def update(server: Server, request: FhirRequest, resource_type: str, id: str) -> FhirResponse:
    """200 with the new version (the present one if nothing changes), 201 if there was none.

    Raises Invalid, Unprocessable, PreconditionFailed, Conflict.
    """
    only(request)
    returns = prefer(request.headers).returns
    resource, issues = checked(
        resource_of(request, resource_type), resource_type, id, warnings=returns == "OperationOutcome"
    )

    async def attempt() -> FhirResponse:
        previous = await server.store.read(request.access, resource_type, id)
        hold(request.headers, standing(previous))
        change = prepare_update(resource, resource_type, id, previous, reviewed=professional(request.access))
        if change is None and previous is not None:
            return written(request, previous, created=False, unchanged=True, issues=issues)
        assert change is not None
        if standing(previous) is None:
            may_appear(request.access, resource_type)
        version = await write(server, change, request.access)
        return written(request, version, created=standing(previous) is None, issues=issues)

    return await settle(server, (resource_type, id), attempt)


def standing(version: Version | None) -> Version | None:
    """The version if it stands: neither deleted nor a mere placeholder."""
    return version if version is not None and version.body is not None else None


async def conditional_update(server: Server, request: FhirRequest, resource_type: str) -> FhirResponse:
    """Update of what matches the query: none creates, one is updated, several are 412.

    Raises Invalid, Unprocessable, PreconditionFailed, Conflict. https://hl7.org/fhir/R4/http.html#cond-update
    """
    returns = prefer(request.headers).returns
    query = require_criteria(request.query, "a conditional update")
    resource, issues = checked(
        resource_of(request, resource_type), resource_type, warnings=returns == "OperationOutcome"
    )
    wanted = resource.get("id")
    if wanted is not None:
        same_id(resource, wanted)
    key = lock_key(resource_type, query)

    async def attempt() -> FhirResponse:
        with told(server.base, [resource]):
            async with server.store.transaction(request.access) as unit:
                await unit.lock([key])
                found = await matches(unit, request.access.using("s"), server.base, resource_type, query)
                if len(found) > 1:
                    raise PreconditionFailed("several resources match", code="multiple-matches")
                id, previous = await target(unit, resource_type, wanted, found)
                return await _store(unit, request, resource, resource_type, id, previous, issues)

    return await settle(server, key, attempt)


async def target(
    unit: Unit, resource_type: str, wanted: str | None, found: list[tuple[int, str]]
) -> tuple[str, Version | None]:
    """Id and current version a conditional update is about; `wanted` is the id in the body, `found` at most one match.

    Raises Invalid if the body names another id than the match has, Conflict if nothing matches and the id is taken.
    """
    if found:
        [(_, id)] = found
        if wanted is not None and wanted != id:
            raise Invalid("the id in the body is not that of the match", expression=(f"{resource_type}.id",))
    elif wanted is None:
        return new_id(), None
    else:
        id = wanted
    [previous] = await unit.read_many([(resource_type, id)])
    if not found and standing(previous) is not None:
        raise Conflict(
            "nothing matches, yet a resource with the id in the body exists", expression=(f"{resource_type}.id",)
        )
    return id, previous


async def _store(
    unit: Unit,
    request: FhirRequest,
    resource: Resource,
    resource_type: str,
    id: str,
    previous: Version | None,
    issues: list[Issue],
) -> FhirResponse:
    hold(request.headers, standing(previous))
    change = prepare_update(resource, resource_type, id, previous, reviewed=professional(request.access))
    if change is None and previous is not None:
        return written(request, previous, created=False, unchanged=True, issues=issues)
    assert change is not None
    if standing(previous) is None:
        may_appear(request.access, resource_type)
    [version] = await unit.write([change])
    await judge(unit, request.access, [change])
    return written(request, version, created=standing(previous) is None, issues=issues)
