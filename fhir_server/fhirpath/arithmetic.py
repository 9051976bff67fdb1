"""The operators + - * / div mod & on single items. https://hl7.org/fhirpath/N1/#math"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, DecimalException
from typing import Any

from fhir_server.fhirpath import temporal
from fhir_server.fhirpath.code import EMPTY, Items, bounded, single
from fhir_server.fhirpath.equality import common_unit, comparable_value
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import is_number
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.temporal import Temporal

_WHOLE = 2**31
_DIGITS = Decimal("1e-8")


def number(value: Any) -> Items:
    """Collection of a result; empty when an Integer leaves 32 bits."""
    if value.__class__ is int and not -_WHOLE <= value < _WHOLE:
        return EMPTY
    return [value]


def whole(value: Decimal, mode: str) -> Items:
    """Integer that a number is rounded to; empty beyond 32 bits."""
    return number(int(value.to_integral_value(mode))) if abs(value) <= _WHOLE else EMPTY


def precise(value: Decimal) -> Decimal:
    """Result of a division or root to at least eight decimal places, without trailing zeros."""
    try:
        rounded = value.quantize(_DIGITS, ROUND_HALF_UP)
    except DecimalException:
        return value
    plain = rounded.normalize()
    exponent = plain.as_tuple().exponent
    return plain.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else plain


def mismatch(operator: str) -> FhirPathError:
    """The two operands do not fit the operator."""
    return FhirPathError(f"'{operator}' does not apply to these types")


def _moved(moment: Temporal, amount: Quantity, sign: int) -> Items:
    unit = amount.unit if amount.calendar else temporal.UCUM_UNITS.get(amount.unit or "")
    unit = unit or (
        amount.unit if amount.unit in ("year", "month", "week", "day", "hour", "minute", "second") else None
    )
    if unit is None:
        raise FhirPathError("only a calendar duration can be added to or taken from a date or time")
    result = temporal.add(moment, amount.value * sign, unit)
    return EMPTY if result is None else [result]


def _same_unit(a: Quantity, b: Quantity, sign: int) -> Items:
    if a.unit == b.unit and a.calendar == b.calendar:
        return [Quantity(a.value + sign * b.value, a.unit, calendar=a.calendar)]
    one, amounts = common_unit(Quantity(1, a.unit, calendar=a.calendar), b), common_unit(a, b)
    if one is None or amounts is None or not one[0]:
        return EMPTY
    total = Decimal(amounts[0]) + sign * Decimal(amounts[1])
    return [Quantity(total / Decimal(one[0]), a.unit, calendar=a.calendar)]


def add(a: Any, b: Any) -> Items:
    """a + b"""
    if is_number(a) and is_number(b):
        return number(a + b)
    if a.__class__ is str and b.__class__ is str:
        return [bounded(a + b)]
    if a.__class__ is Temporal and b.__class__ is Quantity:
        return _moved(a, b, 1)
    if a.__class__ is Quantity and b.__class__ is Quantity:
        return _same_unit(a, b, 1)
    raise mismatch("+")


def subtract(a: Any, b: Any) -> Items:
    """a - b"""
    if is_number(a) and is_number(b):
        return number(a - b)
    if a.__class__ is Temporal and b.__class__ is Quantity:
        return _moved(a, b, -1)
    if a.__class__ is Quantity and b.__class__ is Quantity:
        return _same_unit(a, b, -1)
    raise mismatch("-")


def _unit_text(unit: str | None, *, alone: bool) -> str:
    return f"({unit})" if unit and "/" in unit and not alone else unit or "1"


def multiply(a: Any, b: Any) -> Items:
    """a * b"""
    if is_number(a) and is_number(b):
        return number(a * b)
    if a.__class__ is Quantity and is_number(b):
        return [Quantity(a.value * b, a.unit, calendar=a.calendar)]
    if is_number(a) and b.__class__ is Quantity:
        return [Quantity(a * b.value, b.unit, calendar=b.calendar)]
    if a.__class__ is Quantity and b.__class__ is Quantity:
        units = [unit for unit in (a.ucum, b.ucum) if unit != "1"]
        if None in units:
            return EMPTY
        text = ".".join(_unit_text(unit, alone=len(units) == 1) for unit in units) or "1"
        return [Quantity(a.value * b.value, text)]
    raise mismatch("*")


def divide(a: Any, b: Any) -> Items:
    """a / b; empty for a division by zero."""
    if is_number(a) and is_number(b):
        return [precise(Decimal(a) / Decimal(b))] if b else EMPTY
    if a.__class__ is Quantity and is_number(b):
        return [Quantity(precise(Decimal(a.value) / Decimal(b)), a.unit, calendar=a.calendar)] if b else EMPTY
    if a.__class__ is Quantity and b.__class__ is Quantity:
        if not b.value or a.ucum is None or b.ucum is None:
            return EMPTY
        value = precise(Decimal(a.value) / Decimal(b.value))
        if a.ucum == b.ucum:
            return [Quantity(value, "1")]
        return [Quantity(value, a.ucum if b.ucum == "1" else f"{_unit_text(a.ucum, alone=False)}/{_divisor(b.ucum)}")]
    raise mismatch("/")


def _divisor(unit: str) -> str:
    return f"({unit})" if "/" in unit or "." in unit else unit


def whole_divide(a: Any, b: Any) -> Items:
    """a div b: quotient without its fraction; empty for a division by zero."""
    if not (is_number(a) and is_number(b)):
        raise mismatch("div")
    return whole(Decimal(a) / Decimal(b), ROUND_DOWN) if b else EMPTY


def remainder(a: Any, b: Any) -> Items:
    """a mod b, with the sign of a; empty for a division by zero."""
    if not (is_number(a) and is_number(b)):
        raise mismatch("mod")
    if not b:
        return EMPTY
    rest = Decimal(a) % Decimal(b)
    return number(int(rest)) if a.__class__ is int and b.__class__ is int else [rest]


Operation = Callable[[Any, Any], Items]

OPERATIONS: dict[str, Operation] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "div": whole_divide,
    "mod": remainder,
}


def apply(operation: Operation, left: Items, right: Items) -> Items:
    """Result for two collections of at most one item; empty when either is. FhirPathError if types do not fit."""
    a, b = comparable_value(single(left)), comparable_value(single(right))
    if a is None or b is None:
        return EMPTY
    try:
        return operation(a, b)
    except DecimalException:
        return EMPTY


def concatenate(left: Items, right: Items) -> Items:
    """left & right: text, with nothing for an empty side."""
    parts = [comparable_value(single(side)) for side in (left, right)]
    if any(part is not None and part.__class__ is not str for part in parts):
        raise mismatch("&")
    return [bounded("".join(part for part in parts if part is not None))]


def negate(items: Items) -> Items:
    """-items"""
    value = comparable_value(single(items))
    if value is None:
        return EMPTY
    if is_number(value):
        return number(-value)
    if value.__class__ is Quantity:
        return [Quantity(-value.value, value.unit, calendar=value.calendar, other=value.other)]
    raise FhirPathError("only a number or quantity can have a sign")
