"""$meta, $meta-add, $meta-delete: profiles, tags and security labels. https://hl7.org/fhir/R4/resource-operation-meta.html"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING

from fhir_server.commit import settle, write
from fhir_server.conditional import hold
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.update import standing
from fhir_server.operations.inputs import posted
from fhir_server.outcome import Gone, Invalid, NotFound
from fhir_server.parameters_allowed import only
from fhir_server.prepare import Resource, checked, prepare_update
from fhir_server.search.labels import in_use, labels
from fhir_server.version import Version
from mappings.r4 import Json, parse, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

CODED = ("tag", "security")

Meta = dict[str, Json]
Apply = Callable[[Meta, Meta], Meta]


async def meta(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """The meta of a resource; of a type or the system every profile, tag and label in use.

    Reads resources of that scope, under the access. Raises NotFound, Gone, Invalid.
    """
    only(request)
    if posted(request):
        raise Invalid("$meta has no parameters", code="not-supported")
    if resource_type is not None and id is not None:
        version = _there(await server.store.read(request.access, resource_type, id))
        return _answer(parse(version.body or b"")["meta"], version)
    rows = await server.store.select(in_use(resource_type, request.access, server.base))
    return _answer(labels(rows))


async def meta_add(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Adds profiles, tags and labels; those that are there stay as they are.

    Makes a new version, for a version never changes here. Raises NotFound, Gone, Invalid, PreconditionFailed,
    Unprocessable.
    """
    return await _change(server, request, resource_type, id, added)


async def meta_delete(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Takes profiles, tags and labels away; those that are not there are no error. Otherwise as `meta_add`."""
    return await _change(server, request, resource_type, id, without)


async def _change(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None, apply: Apply
) -> FhirResponse:
    assert resource_type is not None  # the table of operations has them for instances only
    assert id is not None
    only(request)
    given = posted(request)
    if [name for name, _ in given] != ["meta"] or not isinstance(given[0][1], dict):
        raise Invalid("one parameter is needed: meta, with a valueMeta", code="required")
    named = given[0][1]
    for name, kind in (("profile", str), *((name, dict) for name in CODED)):
        values = named.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
            raise Invalid(f"{name} is a list", code="structure", expression=(f"Meta.{name}",))

    async def attempt() -> FhirResponse:
        previous = await server.store.read(request.access, resource_type, id)
        hold(request.headers, standing(previous))
        version = _there(previous)
        resource: Resource = parse(version.body or b"")
        resource["meta"] = apply(resource["meta"], named)
        resource, _ = checked(resource, resource_type)
        change = prepare_update(resource, resource_type, id, version, "PATCH")
        if change is not None:
            version = await write(server, change, request.access)
        return _answer(parse(version.body or b"")["meta"], version)

    return await settle(server, (resource_type, id), attempt)


def added(meta: Meta, more: Meta) -> Meta:
    """The meta with what `more` has and it has not."""
    found = dict(meta)
    profiles = [one for one in dict.fromkeys(more.get("profile", ())) if one not in meta.get("profile", ())]
    if profiles:
        found["profile"] = [*meta.get("profile", ()), *profiles]
    for name in CODED:
        codings = {_key(coding): coding for coding in meta.get(name, ())}
        for coding in more.get(name, ()):
            codings.setdefault(_key(coding), coding)
        if codings:
            found[name] = list(codings.values()) if len(codings) > len(meta.get(name, ())) else meta[name]
    return found


def without(meta: Meta, less: Meta) -> Meta:
    """The meta without what `less` has."""
    found = {name: value for name, value in meta.items() if name not in ("profile", "_profile", *CODED)}
    pairs = [
        pair
        for pair in zip_longest(meta.get("profile", ()), meta.get("_profile", ()))
        if pair[0] is None or pair[0] not in less.get("profile", ())
    ]
    columns = {"profile": [uri for uri, _ in pairs], "_profile": [extra for _, extra in pairs]}
    found.update((name, values) for name, values in columns.items() if any(value is not None for value in values))
    for name in CODED:
        gone = {_key(coding) for coding in less.get(name, ())}
        if kept := [coding for coding in meta.get(name, ()) if _key(coding) not in gone]:
            found[name] = kept
    return found


def _key(coding: dict[str, Json]) -> tuple[str | None, ...]:
    """What makes two codings the same: system and code; without either the words."""
    system, code = coding.get("system"), coding.get("code")
    key = (system, code) if system or code else (None, None, coding.get("display"))
    if not all(part is None or isinstance(part, str) for part in key):
        raise Invalid("system, code and display of a coding are text", code="structure", expression=("Meta",))
    return key


def _there(version: Version | None) -> Version:
    if version is None or version.version_id == 0:
        raise NotFound("there is no such resource")
    if version.body is None:
        raise Gone("the resource was deleted")
    return version


def _answer(meta: Json, version: Version | None = None) -> FhirResponse:
    # An object of FHIR JSON is never empty: where there is nothing, there is no parameter.
    parameter = {"parameter": [{"name": "return", "valueMeta": meta}]} if meta else {}
    body = serialize({"resourceType": "Parameters", **parameter})
    if version is None:
        return FhirResponse(200, body)
    return FhirResponse(200, body, version_id=version.version_id, last_updated=version.last_updated)
