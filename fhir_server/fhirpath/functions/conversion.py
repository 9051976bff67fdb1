"""toInteger, convertsToDate and the like. https://hl7.org/fhirpath/N1/#conversion"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath import temporal
from fhir_server.fhirpath.code import EMPTY, Items, single
from fhir_server.fhirpath.equality import comparable_value
from fhir_server.fhirpath.functions.signature import Function, check_of_items, on_items
from fhir_server.fhirpath.nodes import Node, is_number
from fhir_server.fhirpath.quantity import Quantity, from_text
from fhir_server.fhirpath.temporal import Temporal

_INTEGER = re.compile(r"[+-]?\d{1,10}")
_DECIMAL = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?")
_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))


def _to_boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return bool(value)
    if is_number(value):
        return {0: False, 1: True}.get(value)
    if value.__class__ is str:
        text = value.lower()
        return True if text in _TRUE else False if text in _FALSE else None
    return None


def _to_integer(value: Any) -> int | None:
    if value.__class__ is bool or value.__class__ is int:
        return int(value)
    if value.__class__ is str and _INTEGER.fullmatch(value):
        number = int(value)
        return number if -(2**31) <= number < 2**31 else None
    return None


def _to_decimal(value: Any) -> Decimal | int | None:
    if value.__class__ is bool:
        return Decimal(int(value)).quantize(Decimal("0.1"))
    if is_number(value):
        return Decimal(value)
    return Decimal(value) if value.__class__ is str and _DECIMAL.fullmatch(value) else None


def to_text(value: Any) -> str | None:
    """Text of a System value; None for a complex element."""
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is Decimal:
        return format(value, "f") if abs(value.adjusted()) < 400 else str(value)
    return None if value.__class__ is Node else str(value)


def _to_quantity(value: Any) -> Quantity | None:
    if value.__class__ is Quantity:
        return value
    if value.__class__ is bool:
        return Quantity(Decimal("1.0") if value else Decimal("0.0"), "1")
    if is_number(value):
        return Quantity(value, "1")
    return from_text(value) if value.__class__ is str else None


def _to_moment(kind: str) -> Callable[[Any], Temporal | None]:
    def convert(value: Any) -> Temporal | None:
        if value.__class__ is str:
            return temporal.parse(kind, value)
        if value.__class__ is not Temporal:
            return None
        if value.kind == kind:
            return value
        if kind == "time" or value.kind == "time":
            return None
        return Temporal(kind, value.fields[: temporal.FIELDS[kind]])

    return convert


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": _to_boolean,
    "Integer": _to_integer,
    "Decimal": _to_decimal,
    "String": to_text,
    "Quantity": _to_quantity,
    "Date": _to_moment("date"),
    "DateTime": _to_moment("dateTime"),
    "Time": _to_moment("time"),
}


def _converted(convert: Callable[[Any], Any]) -> Callable[..., Items]:
    def call(items: Items, unit: Items | None = None) -> Items:
        value = comparable_value(single(items))
        result = None if value is None else convert(value)
        return EMPTY if result is None else [result]

    return call


def _converts(convert: Callable[[Any], Any]) -> Callable[..., bool | None]:
    def call(items: Items, unit: Items | None = None) -> bool | None:
        value = comparable_value(single(items))
        return None if value is None else convert(value) is not None

    return call


CONVERSION: dict[str, Function] = {
    **{f"to{name}": on_items(_converted(call)) for name, call in _CONVERSIONS.items()},
    **{f"convertsTo{name}": check_of_items(_converts(call)) for name, call in _CONVERSIONS.items()},
}
