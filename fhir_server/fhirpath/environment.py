"""External constants: %resource, %context, %ucum, %`vs-...` and the caller's own. https://hl7.org/fhir/R4/fhirpath.html#variables"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath.code import EMPTY, Frame, Items, Many
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import Node, node

_CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_PREFIXES = {"vs-": "http://hl7.org/fhir/ValueSet/", "ext-": "http://hl7.org/fhir/StructureDefinition/"}


def as_items(value: Any) -> Items:
    """A value handed in from outside as a collection: nothing, one, or the list it is."""
    if value is None:
        return EMPTY
    values = value if value.__class__ is list else [value]
    return [node(item) if item.__class__ is dict else item for item in values]


_FRAMED: dict[str, Callable[[Frame], Items]] = {
    "context": lambda frame: frame.context,
    "resource": lambda frame: as_items(frame.resource),
    "rootResource": lambda frame: as_items(frame.root),
}


def external(name: str, position: int) -> Many:
    """Code of `%name`. Evaluation raises FhirPathError for a name nobody has defined."""
    text = _CONSTANTS.get(name)
    for prefix, base in _PREFIXES.items():
        if name.startswith(prefix):
            text = base + name.removeprefix(prefix)
    if text is not None:
        constant = [text]
        return lambda frame, this: constant
    framed = _FRAMED.get(name)

    def many(frame: Frame, this: Items) -> Items:
        if frame.variables is not None and name in frame.variables:
            return as_items(frame.variables[name])
        if framed is None:
            raise FhirPathError(f"unknown variable '%{name}'", position, kind="semantic")
        return framed(frame)

    return many


def root_nodes(frame: Frame) -> list[Node]:
    """The outermost resource as a collection of nodes."""
    return [item for item in as_items(frame.root) if item.__class__ is Node]
