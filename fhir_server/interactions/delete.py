"""FHIR delete interaction, conditional delete too. https://hl7.org/fhir/R4/http.html#delete"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.commit import settle, told, write
from fhir_server.conditional import hold, lock_key, require_criteria
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.update import standing
from fhir_server.outcome import PreconditionFailed
from fhir_server.parameters_allowed import only
from fhir_server.prefer import prefer, removed
from fhir_server.prepare import prepare_delete
from fhir_server.search.match import matches

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def delete(server: Server, request: FhirRequest, resource_type: str, id: str) -> FhirResponse:
    """204, or 200 with an OperationOutcome where preferred; the same if there is nothing to delete.

    Raises PreconditionFailed, Conflict (other resources refer to it).
    """
    only(request)
    prefer(request.headers)

    async def attempt() -> FhirResponse:
        previous = await server.store.read(request.access, resource_type, id)
        if "if-match" in request.headers:
            hold(request.headers, standing(previous))
        change = prepare_delete(previous)
        return removed(request, await write(server, change, request.access) if change else None)

    return await settle(server, (resource_type, id), attempt)


async def conditional_delete(server: Server, request: FhirRequest, resource_type: str) -> FhirResponse:
    """Deletes what matches the query: one, or several where the server is set to allow it.

    Raises PreconditionFailed, Conflict, Invalid. https://hl7.org/fhir/R4/http.html#2.21.0.13.1
    """
    prefer(request.headers)
    query = require_criteria(request.query, "a conditional delete")
    settings = server.settings
    limit = settings.conditional_delete_limit if settings.conditional_delete_multiple else 1
    key = lock_key(resource_type, query)

    async def attempt() -> FhirResponse:
        async with server.store.transaction(request.access) as unit:
            await unit.lock([key])
            found = await matches(unit, request.access.using("s"), server.base, resource_type, query, limit + 1)
            if len(found) > limit:
                raise PreconditionFailed(f"more than {limit} match", code="multiple-matches")
            current = await unit.read_many([(resource_type, id) for _, id in found])
            changes = [change for version in current if (change := prepare_delete(version))]
            for version in current:
                if "if-match" in request.headers:
                    hold(request.headers, standing(version))
            with told(server.base, []):
                versions = await unit.write(changes) if changes else []
        return removed(request, versions[0] if len(versions) == 1 else None, count=len(versions))

    return await settle(server, key, attempt)
