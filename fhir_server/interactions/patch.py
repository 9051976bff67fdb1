"""FHIR patch interaction: JSON Patch, FHIRPath Patch and JSON Merge Patch, conditional patch. https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fhir_server.access.writing import judge, professional
from fhir_server.body import MERGE_TYPE, PATCH_TYPE, json_of, media_type, parsed
from fhir_server.commit import settle, told, write
from fhir_server.conditional import hold, lock_key, require_criteria
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.update import standing
from fhir_server.outcome import Gone, Invalid, NotFound, PreconditionFailed, UnsupportedMediaType
from fhir_server.parameters_allowed import only
from fhir_server.patch import fhirpath_patch, json_patch, merge_patch
from fhir_server.prefer import prefer, written
from fhir_server.prepare import Resource, prepare_patched
from fhir_server.search.match import matches
from fhir_server.version import Change, Version
from mappings.r4 import Json, parse

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

Apply = Callable[[Resource], Json]

FORMATS = (PATCH_TYPE, "application/fhir+json", MERGE_TYPE)
"""Patch formats, as the CapabilityStatement says them."""


async def patch(server: Server, request: FhirRequest, resource_type: str, id: str) -> FhirResponse:
    """200 with the patched version, or the present one if the patch changes nothing.

    Raises NotFound, Gone, Invalid, Unprocessable, PreconditionFailed, UnsupportedMediaType.
    """
    only(request)
    prefer(request.headers)
    apply = patch_of(request)

    async def attempt() -> FhirResponse:
        previous = await server.store.read(request.access, resource_type, id)
        hold(request.headers, standing(previous))
        previous, change = patched(previous, apply, professional(request.access))
        if change is None:
            return written(request, previous, created=False, unchanged=True)
        return written(request, await write(server, change, request.access), created=False)

    return await settle(server, (resource_type, id), attempt)


async def conditional_patch(server: Server, request: FhirRequest, resource_type: str) -> FhirResponse:
    """Patch of the one resource that matches the query. Raises NotFound if none does, PreconditionFailed if several."""
    prefer(request.headers)
    query = require_criteria(request.query, "a conditional patch")
    apply = patch_of(request)
    key = lock_key(resource_type, query)

    async def attempt() -> FhirResponse:
        async with server.store.transaction(request.access) as unit:
            await unit.lock([key])
            found = await matches(unit, request.access.using("s"), server.base, resource_type, query)
            if len(found) > 1:
                raise PreconditionFailed("several resources match", code="multiple-matches")
            if not found:
                raise NotFound("no resource matches")
            [previous] = await unit.read_many([(resource_type, found[0][1])])
            hold(request.headers, standing(previous))
            previous, change = patched(previous, apply, professional(request.access))
            if change is None:
                return written(request, previous, created=False, unchanged=True)
            with told(server.base, [change.resource]):
                [version] = await unit.write([change])
                await judge(unit, request.access, [change])
        return written(request, version, created=False)

    return await settle(server, key, attempt)


def patch_of(request: FhirRequest) -> Apply:
    """What the body does to a resource: a JSON Patch document, the Parameters of a FHIRPath Patch, a JSON Merge Patch.

    An object that is no Parameters, sent as plain application/json, is merged too: so do clients that name no format.
    Raises UnsupportedMediaType, Invalid.
    """
    essence, _ = media_type(request.headers.get("content-type", ""))
    if essence == PATCH_TYPE and request.body is not None:
        operations = parsed(request.body)
        return lambda resource: json_patch.apply(resource, operations)
    if essence == MERGE_TYPE and request.body is not None:
        changes = parsed(request.body)
        return lambda resource: merge_patch.apply(resource, changes)
    if essence == "application/xml-patch+xml":
        raise UnsupportedMediaType(f"XML Patch is not read here; send one of {', '.join(FORMATS)}")
    parameters = json_of(request)
    if isinstance(parameters, list):
        raise UnsupportedMediaType(f"a JSON Patch is sent as {PATCH_TYPE}")
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        if essence == "application/json" and isinstance(parameters, dict):
            return lambda resource: merge_patch.apply(resource, parameters)
        raise Invalid(
            f"a FHIRPath Patch is a Parameters resource; a JSON Merge Patch is {MERGE_TYPE}", code="structure"
        )
    return lambda resource: fhirpath_patch.apply(resource, parameters)


def patched(previous: Version | None, apply: Apply, reviewed: bool = False) -> tuple[Version, Change | None]:
    """The version patched, and the change it makes (None: none). Raises NotFound, Gone, Invalid, Unprocessable."""
    if previous is None or previous.version_id == 0:
        raise NotFound("there is no such resource")
    if previous.body is None:
        raise Gone("the resource was deleted")
    return previous, prepare_patched(apply(parse(previous.body)), previous, reviewed=reviewed)
