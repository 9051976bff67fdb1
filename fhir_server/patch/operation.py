"""The operations of a FHIRPath Patch, read from its Parameters resource. https://hl7.org/fhir/R4/fhirpatch.html"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.fhirpath import Expression, FhirPathError, compile_expression
from fhir_server.outcome import Invalid
from fhir_server.patch.document import copied
from mappings.r4 import Json


@dataclass(frozen=True, slots=True)
class Value:
    """What to put in: either one data type, or the parts of an anonymous type."""

    type: str
    """Suffix of value[x]: "HumanName", "Date"; "" for parts."""
    json: Json = None
    extra: Json = None
    """Of a primitive: its id and extensions."""
    parts: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; only what its type needs is meaningful."""

    type: str
    path: Expression
    name: str = ""
    value: Value = Value("")
    index: int = 0
    source: int = 0
    destination: int = 0


_NEEDS: dict[str, tuple[str, ...]] = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}

MAX_OPERATIONS = 10_000


def read_operations(patch: Json) -> list[Operation]:
    """All operations in order. Raises Invalid, naming operation and part, for Parameters that are no FHIRPath Patch."""
    if patch.__class__ is not dict or patch.get("resourceType") != "Parameters":
        raise Invalid("a FHIRPath Patch is a Parameters resource", code="structure")
    parameters = patch.get("parameter", [])
    if parameters.__class__ is not list or not all(entry.__class__ is dict for entry in parameters):
        raise Invalid("'parameter' must be a list of objects", code="structure", expression=("Parameters.parameter",))
    parameters = copied(parameters)
    if len(parameters) > MAX_OPERATIONS:
        raise Invalid(f"a FHIRPath Patch of more than {MAX_OPERATIONS} operations is not accepted", code="too-long")
    return [_operation(number, parameter) for number, parameter in enumerate(parameters)]


class _Parts:
    """The parts of one operation by name."""

    def __init__(self, number: int, parameter: dict[str, Json]) -> None:
        self._number = number
        if parameter.get("name") != "operation":
            raise self.wrong("a parameter must have the name 'operation'")
        parts = parameter.get("part", [])
        if parts.__class__ is not list or not all(part.__class__ is dict for part in parts):
            raise self.wrong("'part' must be a list of objects")
        self._parts: dict[Any, dict[str, Json]] = {}
        for part in parts:
            name = part.get("name")
            if name.__class__ is str and name in self._parts:
                raise self.wrong(f"the part '{name}' is given twice")
            self._parts[str(name)] = part

    def wrong(self, reason: str, code: str = "structure") -> Invalid:
        where = f"Parameters.parameter[{self._number}]"
        return Invalid(f"FHIRPath Patch operation {self._number}: {reason}", code=code, expression=(where,))

    def text(self, name: str, *keys: str) -> str:
        found = self._one(name, keys)
        if found.__class__ is not str:
            raise self.wrong(f"the part '{name}' must have a {' or '.join(keys)}")
        return str(found)

    def index(self, name: str) -> int:
        found = self._one(name, ("valueInteger", "valueUnsignedInt", "valuePositiveInt"))
        if found.__class__ is not int or found < 0:
            raise self.wrong(f"the part '{name}' must have a valueInteger from 0 up")
        return int(found)

    def value(self) -> Value:
        if "value" not in self._parts:
            raise self.wrong("the part 'value' is missing")
        return self._value(self._parts["value"], 0)

    def _one(self, name: str, keys: tuple[str, ...]) -> Json:
        part = self._parts.get(name)
        if part is None:
            raise self.wrong(f"the part '{name}' is missing")
        return next((part[key] for key in keys if key in part), None)

    def _value(self, part: dict[str, Json], depth: int) -> Value:
        inner = part.get("part")
        if inner.__class__ is list and inner and depth < 50:
            if not all(each.__class__ is dict and each.get("name").__class__ is str for each in inner):
                raise self.wrong("each part of a value must have a name")
            return Value("", parts=tuple((each["name"], self._value(each, depth + 1)) for each in inner))
        if "resource" in part:
            return Value("Resource", part["resource"])
        types = {key.removeprefix("_")[5:] for key in part if key.removeprefix("_").startswith("value")}
        if len(types) != 1:
            raise self.wrong("a value must have exactly one value[x], a resource, or parts")
        kind = types.pop()
        return Value(kind, part.get("value" + kind), part.get("_value" + kind))


_READERS: dict[str, Callable[[_Parts], Any]] = {
    "name": lambda parts: parts.text("name", "valueString"),
    "value": _Parts.value,
    "index": lambda parts: parts.index("index"),
    "source": lambda parts: parts.index("source"),
    "destination": lambda parts: parts.index("destination"),
}


def _operation(number: int, parameter: dict[str, Json]) -> Operation:
    parts = _Parts(number, parameter)
    kind = parts.text("type", "valueCode", "valueString")
    if kind not in _NEEDS:
        raise parts.wrong(f"the type must be one of {', '.join(_NEEDS)}", "value")
    try:
        path = compile_expression(parts.text("path", "valueString"))
    except FhirPathError as error:
        raise parts.wrong(f"the path is no FHIRPath: {error}", "value") from None
    return Operation(kind, path, **{name: _READERS[name](parts) for name in _NEEDS[kind]})
