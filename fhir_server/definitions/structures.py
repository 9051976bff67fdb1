"""Types of FHIR R4 and their elements. https://hl7.org/fhir/R4/structuredefinition.html"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from fhir_server.definitions.package_data import document, lines


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant."""

    key: str
    """"per-1"; not unique: R4 uses inv-1 and inv-2 for several."""
    severity: str
    """"error" or "warning"."""
    human: str
    """What it demands, in words."""
    expression: str
    """FHIRPath that is true where it holds; context: the element that carries it."""


@dataclass(frozen=True, slots=True)
class ElementType:
    """One type an element may have."""

    code: str
    """"Quantity", "Resource", "System.String" (the value inside a primitive) or, for elements with children of their
    own and for content references, the path of a nested structure: "Observation.component"."""
    targets: tuple[str, ...] = ()
    """Of Reference and canonical: names of the resource types it may point to; empty: any."""
    profiles: tuple[str, ...] = ()
    """Names of data type profiles; R4 uses only "SimpleQuantity"."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a structure."""

    name: str
    """"status"; of a choice element without its "[x]": "value"."""
    path: str
    """"Observation.value[x]"."""
    min: int
    max: int | None
    """None: no limit."""
    types: tuple[ElementType, ...]
    choice: bool
    """In JSON the name is followed by the type: valueQuantity."""
    base_type: str
    """"BackboneElement" or "Element" for elements with children of their own, "" otherwise."""
    constraints: tuple[Constraint, ...]
    value_set: str | None
    """URL of the required value set, see `value_set`."""
    summary: bool
    modifier: bool

    def json_names(self) -> dict[str, ElementType]:
        """Name in JSON -> type: {"valueQuantity": Quantity, "valueString": string, ...}."""
        if not self.choice:
            return {self.name: self.types[0]}
        return {self.name + kind.code[0].upper() + kind.code[1:]: kind for kind in self.types}


@dataclass(frozen=True, slots=True)
class Structure:
    """A resource type, data type, or nested group of elements."""

    name: str
    """"Observation", "Observation.component", "Period", "date"."""
    kind: str
    """"resource", "complex-type", "primitive-type", or "backbone" for nested ones."""
    abstract: bool
    base: str
    """Type it specialises ("DomainResource", "BackboneElement", "uri"), "" for Resource and Element."""
    constraints: tuple[Constraint, ...]
    """Invariants of the type itself; for nested ones those of the element."""
    elements: dict[str, Element]
    """All, inherited ones included, by `Element.name`, in order."""
    regex: str | None
    """Of primitive types: HL7's pattern, whole value."""


@cache
def constraints() -> tuple[Constraint, ...]:
    """Every invariant of R4's base types."""
    return tuple(Constraint(*row) for row in document("constraints.zst"))


def data_types() -> tuple[str, ...]:
    """Names of all types `structure` knows, resource types and abstract ones included, nested ones not."""
    return tuple(lines("structures.zst"))


@cache
def primitive_types() -> frozenset[str]:
    """Names of the 20 primitive types."""
    marker = b'"kind":"primitive-type"'
    return frozenset(name for name, raw in lines("structures.zst").items() if marker in raw[:40])


@cache
def structure(name: str) -> Structure:
    """Structure of a type or nested group. Raises KeyError for a name R4 does not have."""
    top, _, below = name.partition(".")
    if not below:
        row = orjson.loads(lines("structures.zst")[top])
        return Structure(
            name,
            row["kind"],
            row["abstract"],
            row["base"],
            _constraints(row["constraints"]),
            _elements(name, row["elements"]),
            row.get("regex"),
        )
    return _nested(top)[name]


@cache
def _nested(top: str) -> dict[str, Structure]:
    """Every nested structure of a type."""
    found: dict[str, Structure] = {}

    def walk(parent: str, rows: list[list[Any]]) -> None:
        for row in rows:
            if len(row) > 7:
                path = f"{parent}.{row[0]}"
                found[path] = Structure(
                    path, "backbone", False, row[3][0], _constraints(row[5]), _elements(path, row[7]), None
                )
                walk(path, row[7])

    walk(top, orjson.loads(lines("structures.zst")[top])["elements"])
    return found


def _constraints(numbers: list[int]) -> tuple[Constraint, ...]:
    known = constraints()
    return tuple(known[number] for number in numbers)


def _elements(parent: str, rows: list[list[Any]]) -> dict[str, Element]:
    return {element.name: element for element in (_element(parent, row) for row in rows)}


def _element(parent: str, row: list[Any]) -> Element:
    name, minimum, maximum, types, flags, numbers, value_set = row[:7]
    path = f"{parent}.{name}"
    base_type = types[0] if len(row) > 7 else ""
    return Element(
        name.removesuffix("[x]"),
        path,
        minimum,
        None if maximum < 0 else maximum,
        (ElementType(path),) if base_type else tuple(_type(entry) for entry in types),
        name.endswith("[x]"),
        base_type,
        _constraints(numbers),
        value_set or None,
        bool(flags & 1),
        bool(flags & 2),
    )


def _type(entry: Any) -> ElementType:
    if isinstance(entry, str):
        return ElementType(entry.removeprefix("#"))
    code, targets, profiles = entry
    # Reference(Any) is written as the one target "Resource".
    return ElementType(code, () if targets == ["Resource"] else tuple(targets), tuple(profiles))


@cache
def is_a(name: str, ancestor: str) -> bool:
    """Whether the type is the ancestor or specialises it: is_a("Age", "Quantity"), is_a("Patient", "Resource")."""
    while name and name != ancestor:
        name = structure(name).base
    return name == ancestor


@cache
def summary_elements(resource_type: str) -> frozenset[str]:
    """JSON names of the top-level elements that `_summary=true` keeps; the mandatory ones are in it too."""
    return frozenset(
        json_name
        for element in structure(resource_type).elements.values()
        if element.summary or element.min
        for json_name in element.json_names()
    )
