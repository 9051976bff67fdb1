"""FHIR types as FHIRPath needs them: names, bases and children of each element. https://hl7.org/fhir/R4/fhirpath.html#types"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property

from fhir_server.definitions import Element, Structure, structure
from fhir_server.resource_types import TYPE_ID

SYSTEM_TYPES: frozenset[str] = frozenset(
    ("Any", "Boolean", "Date", "DateTime", "Decimal", "Integer", "Quantity", "String", "Time")
)

_KEPT_IN = {"System.String": "string", "System.Date": "date", "System.DateTime": "dateTime", "System.Time": "time"}
"""System type of an element such as Element.id -> primitive with the same JSON form."""


_RESOURCES = frozenset((*TYPE_ID, "Resource", "DomainResource"))


class Child:
    """An element of a type: the JSON keys that can hold it, each with its type. A choice element has several."""

    __slots__ = ("alternatives", "key", "name", "repeats", "type")

    def __init__(self, name: str, alternatives: Mapping[str, TypeInfo], repeats: bool) -> None:
        self.name = name
        self.repeats = repeats
        self.alternatives = alternatives
        """JSON key -> type."""
        self.key: str | None = name if name in alternatives else None
        """The one JSON key, None for a choice."""
        self.type: TypeInfo = alternatives.get(name, UNTYPED)


class TypeInfo:
    """A FHIR type, or the anonymous type of a backbone element (its name is the path). Compare with `is`."""

    def __init__(self, name: str, definition: Structure | None) -> None:
        self.name = name
        """"Patient", "code", "Patient.contact"; "" for the unknown type."""
        self._definition = definition
        self.is_primitive = definition is not None and definition.kind == "primitive-type"
        self.is_resource = definition is not None and (definition.kind == "resource" or name == "Resource")
        """A resource type, also an abstract one."""
        self.is_backbone = "." in name

    @cached_property
    def base(self) -> TypeInfo | None:
        """The type it specialises."""
        return find(self._definition.base) if self._definition else None

    @cached_property
    def ancestry(self) -> frozenset[str]:
        """Its own name and those of all its bases."""
        return frozenset((self.name,)) | (self.base.ancestry if self.base else frozenset())

    @cached_property
    def children(self) -> dict[str, Child]:
        """FHIRPath name of an element -> child; `value` for value[x]."""
        elements = self._definition.elements if self._definition else {}
        return {name: _child(element) for name, element in elements.items()}

    @cached_property
    def by_key(self) -> dict[str, tuple[Child, TypeInfo]]:
        """JSON key -> the child it holds, and the type it gives it."""
        return {key: (child, kind) for child in self.children.values() for key, kind in child.alternatives.items()}


def _child(element: Element) -> Child:
    alternatives = {key: named(_KEPT_IN.get(kind.code, kind.code)) for key, kind in element.json_names().items()}
    if element.name == "id" and element.path.partition(".")[0] in _RESOURCES and element.path.count(".") == 1:
        # R4's definitions say string; the specification means the type id.
        alternatives = {"id": named("id")}
    return Child(element.name, alternatives, element.max != 1)


def find(name: str) -> TypeInfo | None:
    """FHIR type (or path of a nested group of elements) of that name; None when R4 has none."""
    try:
        return _info(name)
    except KeyError:
        return None  # kept nowhere, for names come from clients


@cache
def _info(name: str) -> TypeInfo:
    return TypeInfo(name, structure(name))


UNTYPED = TypeInfo("", None)
"""Of what no definition is known: its elements are looked up by their JSON keys alone."""


def named(name: str) -> TypeInfo:
    """As `find`, but UNTYPED for an unknown name."""
    return find(name) or UNTYPED


@cache
def class_info() -> TypeInfo:
    """Type of what `type()` answers: a namespace and a name."""
    info = TypeInfo("ClassInfo", None)
    info.children = {name: Child(name, {name: named("string")}, False) for name in ("namespace", "name")}
    return info
