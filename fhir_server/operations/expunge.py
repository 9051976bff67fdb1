"""$expunge: versions and resources removed for good. Ours; R4 has none. docs/operations.md tells its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.commit import settle, told
from fhir_server.conditional import hold
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.expunge import Scope, deleted_resources, previous_versions, remove
from fhir_server.interactions.update import standing
from fhir_server.operations.inputs import flag, simple, whole
from fhir_server.outcome import Forbidden, Invalid, NotFound
from fhir_server.prepare import prepare_delete
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

EVERYTHING, DELETED, VERSIONS = "expungeEverything", "expungeDeletedResources", "expungePreviousVersions"
DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000


async def expunge(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Parameters that count what was removed: resources, and versions in all (those of the resources among them).

    Reads and removes what is in scope, under the access. Raises NotFound (also where it is switched off), Forbidden
    (the access has not the right), Conflict (others refer to a resource that is not deleted), PreconditionFailed,
    Invalid.
    """
    if not server.settings.expunge:
        raise NotFound("$expunge is switched off here", code="not-supported")
    if not request.access.expunge:
        raise Forbidden("this access has not the right to expunge")
    given = simple(request, (EVERYTHING, DELETED, VERSIONS, "limit"))
    limit = whole(given, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    asked = {name for name in (EVERYTHING, DELETED, VERSIONS) if flag(given, name)}
    if not asked:
        raise Invalid(f"say what to remove: {DELETED}, {VERSIONS} or, of one resource, {EVERYTHING}", code="required")
    if EVERYTHING in asked and id is None:
        raise Invalid(f"{EVERYTHING} is for one resource", code="not-supported")

    async def attempt() -> FhirResponse:
        return await _expunge(server, request, resource_type, id, asked, limit)

    return await settle(server, (resource_type, id), attempt)


async def _expunge(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None, asked: set[str], limit: int
) -> FhirResponse:
    access, store = request.access, server.store
    resources, versions = [], 0
    with told(server.base, [None]):
        async with store.transaction(access) as unit:
            scope = Scope(resource_type)
            if resource_type is not None and id is not None:
                [current] = await unit.read_many([(resource_type, id)])
                hold(request.headers, standing(current))
                if current is None or current.version_id == 0:
                    raise NotFound("there is no such resource")
                scope = Scope(rid=current.rid)
                change = prepare_delete(current)
                if EVERYTHING in asked and change is not None:
                    await unit.write([change])
                    versions -= 1  # the deletion on the way is not one of the client's
            if asked & {EVERYTHING, DELETED}:
                resources = await deleted_resources(unit, access, scope, limit)
                rids = [rid for rid, _, _ in resources]
                versions += await remove(unit, rids, integrity=store.referential_integrity) if rids else 0
            if VERSIONS in asked:
                versions += await previous_versions(unit, access, scope, limit)
    store.rids.forget([(name, known) for _, name, known in resources])
    counts = {"resources": len(resources), "versions": versions}
    parameters = [{"name": name, "valueInteger": count} for name, count in counts.items()]
    return FhirResponse(200, serialize({"resourceType": "Parameters", "parameter": parameters}))
