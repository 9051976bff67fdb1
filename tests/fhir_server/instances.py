"""Valid instances of any resource type, made from its definition: as many elements as the rules of FHIR let stand.

There are two of each, `walk` and `walk2`: the first takes the first type of a choice, the second the last.
References point to `<type>/walk`, so that the instances of all types hold together.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from fhir_server.definitions import Element, ElementType, is_a, structure, value_set
from fhir_server.resource_types import TYPE_ID
from fhir_server.validation import validate

FIRST, SECOND = "walk", "walk2"
DEPTH = 3

SEEDS: dict[str, dict[str, Any]] = {
    "Appointment": {"start": "2024-05-06T07:08:09Z", "end": "2024-05-06T08:08:09Z"},
    "Linkage": {
        "item": [
            {"type": "source", "resource": {"reference": "Patient/walk"}},
            {"type": "alternate", "resource": {"reference": "Patient/walk"}},
        ]
    },
    # An active one would be indexed, and must be more than valid for that.
    "SearchParameter": {"status": "draft"},
    "StructureDefinition": {"type": "Walk", "differential": {"element": [{"id": "Walk", "path": "Walk"}]}},
}
"""Where the rules ask for more than single elements give."""

PRIMITIVES: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "positiveInt": 1,
    "unsignedInt": 1,
    "decimal": Decimal("1.50"),
    "string": "walk",
    "markdown": "walk",
    "code": "walk",
    "id": "walk",
    "uri": "http://example.org/walk",
    "url": "http://example.org/walk",
    "canonical": "http://example.org/walk",
    "oid": "urn:oid:1.2.3",
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "date": "2024-05-06",
    "dateTime": "2024-05-06T07:08:09Z",
    "instant": "2024-05-06T07:08:09.010Z",
    "time": "07:08:09",
    "base64Binary": "d2Fsaw==",
}

COMPLEX: dict[str, Any] = {
    "Period": {"start": "2024-05-06", "end": "2024-05-07"},
    "Coding": {"system": "http://example.org/codes", "code": "walk"},
    "CodeableConcept": {"coding": [{"system": "http://example.org/codes", "code": "walk"}], "text": "walk"},
    "Identifier": {"system": "http://example.org/ids", "value": "walk"},
    "HumanName": {"family": "Walk", "given": ["Ada"]},
    "Address": {"use": "home", "line": ["walk 1"], "city": "Walk", "state": "W", "postalCode": "1", "country": "XX"},
    "ContactPoint": {"system": "phone", "value": "+55 11 5555"},
    "Range": {
        "low": {"value": 1, "system": "http://unitsofmeasure.org", "code": "kg"},
        "high": {"value": 2, "system": "http://unitsofmeasure.org", "code": "kg"},
    },
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Money": {"value": Decimal("1.50"), "currency": "BRL"},
    "TriggerDefinition": {"type": "named-event", "name": "walk"},
    "Timing": {"event": ["2024-05-06T07:08:09Z"]},
    "Annotation": {"text": "walk"},
    "Attachment": {"title": "walk", "contentType": "text/plain", "language": "en", "url": "http://example.org/walk"},
    "Age": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"},
    "Duration": {"value": 1, "system": "http://unitsofmeasure.org", "code": "h"},
}
_QUANTITY = {"value": Decimal("1.50"), "system": "http://unitsofmeasure.org", "code": "kg"}
LISTS: dict[str, list[Any]] = {
    "ContactPoint": [COMPLEX["ContactPoint"], {"system": "email", "value": "walk@example.org"}],
    "UsageContext": [
        {"code": COMPLEX["Coding"], "valueCodeableConcept": COMPLEX["CodeableConcept"]},
        {"code": COMPLEX["Coding"], "valueQuantity": _QUANTITY},
    ],
    "RelatedArtifact": [
        {"type": kind, "resource": "http://example.org/walk"}
        for kind in ("composed-of", "depends-on", "derived-from", "predecessor", "successor")
    ],
}
"""What stands where an element may be repeated: search parameters pick among these."""

META = {
    "profile": ["http://example.org/walk"],
    "source": "http://example.org/walk",
    "tag": [{"system": "http://example.org/tags", "code": "walk"}],
    "security": [{"system": "http://example.org/labels", "code": "walk"}],
}
_LEFT_OUT = frozenset(
    {"id", "meta", "text", "contained", "extension", "modifierExtension", "implicitRules", "language"}
)


def _primitive(kind: str, element: Element) -> Any:
    if kind == "code" and element.value_set:
        return _code(element.value_set)[1]
    return PRIMITIVES[kind]


def _code(url: str) -> tuple[str, str]:
    """A system and code of a value set, the same each time."""
    for system, codes in sorted((value_set(url) or {}).items()):
        if codes is None:
            return system, "kg" if "units" in system else "text/plain"
        return system, min(codes)
    return "http://example.org/codes", "walk"


def _value(kind: ElementType, element: Element, depth: int, rich: bool, last: bool) -> Any:
    """A value of one type; None where none is made."""
    code = kind.code
    if code in PRIMITIVES:
        return _primitive(code, element)
    if code == "Reference":
        known = [name for name in kind.targets if name in TYPE_ID]
        return {"reference": f"{known[0] if known else 'Patient'}/{FIRST}"}
    if code in ("CodeableConcept", "Coding") and element.value_set:
        system, value = _code(element.value_set)
        coding = {"system": system, "code": value}
        return coding if code == "Coding" else {"coding": [coding]}
    if code in COMPLEX:
        return COMPLEX[code]
    if "." not in code and is_a(code, "Quantity"):
        return _QUANTITY
    if code in ("Resource", "Extension", "xhtml", "Narrative") or depth > DEPTH:
        return None
    found = _members(code, depth + 1, rich, last)
    return found or None


def _repeated(value: Any, kind: ElementType, element: Element) -> Any:
    return value if element.max == 1 else LISTS.get(kind.code, [value])


def _names(element: Element, last: bool) -> list[tuple[str, ElementType]]:
    names = list(element.json_names().items())
    return names[::-1] if last else names


def _members(name: str, depth: int, rich: bool, last: bool) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for element in structure(name).elements.values():
        if element.name in _LEFT_OUT or not (element.min or rich):
            continue
        # The first type of a choice that can be made.
        for json_name, kind in _names(element, last):
            value = _value(kind, element, depth, rich, last)
            if value is not None:
                members[json_name] = _repeated(value, kind, element)
                break
    return members


def _errors(resource: dict[str, Any]) -> int:
    return len([issue for issue in validate(resource, warnings=False) if issue.severity == "error"])


@cache
def instance(resource_type: str, id: str = FIRST) -> dict[str, Any]:
    """The instance with that id. AssertionError if none is found that is valid."""
    last = id == SECOND
    resource = {"resourceType": resource_type, "id": id, "meta": META, **_members(resource_type, 0, False, last)}
    resource |= SEEDS.get(resource_type, {})
    errors = _errors(resource)
    # What helps or does no harm stays: each optional element with all it may hold, or with the least.
    for element in structure(resource_type).elements.values():
        if element.name in _LEFT_OUT or element.name in SEEDS.get(resource_type, {}):
            continue
        for tried in _tries(resource, element, last):
            found = _errors(tried)
            if found <= errors:
                resource, errors = tried, found
                break
    assert errors == 0, [resource_type, validate(resource, warnings=False)]
    return resource


def _tries(resource: dict[str, Any], element: Element, last: bool) -> Iterator[dict[str, Any]]:
    """The resource with one more element in it, in the ways it can be there, the fullest first."""
    names = _names(element, last)
    others = {name: value for name, value in resource.items() if name not in dict(names)}
    for json_name, kind in names:
        for rich in (True, False):
            value = _value(kind, element, 0, rich, last)
            if value is not None:
                yield {**others, json_name: _repeated(value, kind, element)}
