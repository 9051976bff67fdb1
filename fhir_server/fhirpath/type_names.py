"""Names of types in `is`, `as` and `ofType`, and what they match. https://hl7.org/fhirpath/N1/#types"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import Node
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.syntax import Member, Tree
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.fhirpath.types import SYSTEM_TYPES, find

Matches = Callable[[Any], bool]

_CLASSES: dict[type, str] = {bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String", Quantity: "Quantity"}
_TEMPORALS = {"date": "Date", "dateTime": "DateTime", "time": "Time"}


def system_type(value: Any) -> str:
    """Name of the System type of a System value."""
    return _TEMPORALS[value.kind] if value.__class__ is Temporal else _CLASSES[value.__class__]


def name_in(tree: Tree) -> str:
    """Name of a type given as an argument, `Patient` or `FHIR.Patient`. Raises FhirPathError for anything else."""
    if isinstance(tree, Member) and tree.source is None:
        return tree.name
    if isinstance(tree, Member) and isinstance(tree.source, Member) and tree.source.source is None:
        return f"{tree.source.name}.{tree.name}"
    raise FhirPathError("expected the name of a type", tree.position, kind="syntax")


def matcher(name: str, position: int, *, exact: bool) -> Matches:
    """Whether an item is of the type; with `exact` a code is no string (but an Age still is a Quantity).

    Raises FhirPathError for a name that is no type.
    """
    namespace, _, local = name.rpartition(".")
    if namespace not in ("", "System", "FHIR"):
        raise FhirPathError("unknown namespace of a type", position, kind="semantic")
    fhir = find(local) if namespace != "System" else None
    system = local if namespace != "FHIR" and local in SYSTEM_TYPES else None
    known = fhir is not None or (namespace == "System" and find(local) is not None)
    if (not known or "." in local) and system is None:
        raise FhirPathError(f"unknown type '{name}'", position, kind="semantic")
    by_name_alone = exact and fhir is not None and fhir.is_primitive

    def matches(item: Any) -> bool:
        if item.__class__ is Node:
            if fhir is None:
                return system == "Any"
            kind = item.type
            return kind is fhir or (not by_name_alone and local in kind.ancestry)
        return system is not None and (system == "Any" or system_type(item) == system)

    return matches
