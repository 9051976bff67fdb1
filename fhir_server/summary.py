"""_summary and _elements: a resource cut down to what was asked for. https://hl7.org/fhir/R4/search.html#summary"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from fhir_server.definitions import structure, summary_elements

Resource = dict[str, Any]

_ALWAYS = frozenset({"resourceType", "id", "meta", "implicitRules"})
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}


def apply(resource: Resource, summary: str | None, elements: Collection[str] | None) -> Resource:
    """The resource with only the elements asked for and a SUBSETTED tag; itself where all of it is asked for.

    summary: true, text, data, count, false or None; elements: names of top-level elements, also as Type.name.
    Mandatory elements stay in any case, since a resource without them would not be valid.
    """
    if elements:
        return _tagged(resource, _asked(resource["resourceType"], elements))
    if summary == "true":
        return _tagged(resource, summary_elements(resource["resourceType"]))
    if summary == "text":
        return _tagged(resource, _mandatory(resource["resourceType"]) | {"text"})
    if summary == "data":
        return _tagged(resource, resource.keys() - {"text"})
    return resource


def _asked(resource_type: str, elements: Collection[str]) -> frozenset[str]:
    names = set(_mandatory(resource_type))
    known = structure(resource_type).elements
    for asked in elements:
        kind, dot, rest = asked.partition(".")
        if dot and kind == resource_type:
            asked = rest
        element = known.get(asked.partition(".")[0].removesuffix("[x]"))
        names.update(element.json_names() if element else (asked,))
    return frozenset(names)


@cache
def _mandatory(resource_type: str) -> frozenset[str]:
    return frozenset(
        name for element in structure(resource_type).elements.values() if element.min for name in element.json_names()
    )


def _tagged(resource: Resource, kept: Collection[str]) -> Resource:
    cut = {
        name: value
        for name, value in resource.items()
        # "_birthDate" carries id and extensions of birthDate.
        if name in _ALWAYS or name.removeprefix("_") in kept
    }
    meta = dict(cut.get("meta", {}))
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != "SUBSETTED"]
    meta["tag"] = [*tags, _SUBSETTED]
    members = {"resourceType": cut.pop("resourceType")}
    if "id" in cut:
        members["id"] = cut.pop("id")
    cut.pop("meta", None)
    return {**members, "meta": meta, **cut}
