"""lowBoundary, highBoundary, precision, comparable. https://hl7.org/fhirpath/#boundaries"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, DecimalException
from typing import Any

from fhir_server.fhirpath.code import EMPTY, Items, single
from fhir_server.fhirpath.equality import common_unit, comparable_value
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Function, integer_of, on_items
from fhir_server.fhirpath.nodes import is_number
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.temporal import Temporal

_MOST_DIGITS = 31
_DIGITS_TO_FIELDS = {
    "date": {4: 1, 6: 2, 8: 3},
    "dateTime": {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 6},
    "time": {2: 1, 4: 2, 6: 3, 9: 3},
}
_FULL = {"date": 8, "dateTime": 17, "time": 9}
_LOWEST_OFFSET, _HIGHEST_OFFSET = 14 * 60, -12 * 60
_LAST_SECOND = Decimal("59.999")


def _number_boundary(value: int | Decimal, digits: int, *, high: bool) -> Decimal | None:
    if not 0 <= digits <= _MOST_DIGITS:
        return None
    number, unit = Decimal(value), Decimal(1).scaleb(-digits)
    exponent = number.as_tuple().exponent
    half = Decimal(5).scaleb((exponent if isinstance(exponent, int) else 0) - 1)
    try:
        if abs(number) < unit and number:
            return (number * 0).quantize(unit)
        bound = number + half if high else number - half
        return bound.quantize(unit, ROUND_CEILING if high else ROUND_FLOOR)
    except DecimalException:
        return None


def _last_day(fields: list[Any]) -> int:
    return monthrange(fields[0], fields[1])[1]


_LOWEST: tuple[Callable[[list[Any]], Any], ...] = (
    lambda fields: 1, lambda fields: 1, lambda fields: 1,
    lambda fields: 0, lambda fields: 0, lambda fields: Decimal("0.000"),
)  # fmt: skip
_HIGHEST: tuple[Callable[[list[Any]], Any], ...] = (
    lambda fields: 9999, lambda fields: 12, _last_day,
    lambda fields: 23, lambda fields: 59, lambda fields: _LAST_SECOND,
)  # fmt: skip


def _temporal_boundary(value: Temporal, digits: int, *, high: bool) -> Temporal | None:
    count = _DIGITS_TO_FIELDS[value.kind].get(digits)
    if count is None:
        return None
    fill = (_HIGHEST if high else _LOWEST)[3 if value.kind == "time" else 0 :]
    fields = list(value.fields[:count])
    while len(fields) < count:
        fields.append(fill[len(fields)](fields))
    if digits in (9, 17) and fields[-1].as_tuple().exponent == 0:
        # A second without a fraction lasts until its last millisecond.
        fields[-1] = (fields[-1] + (Decimal("0.999") if high else 0)).quantize(Decimal("0.001"))
    offset = value.offset
    if value.kind == "dateTime" and offset is None and count > 3:
        offset = _HIGHEST_OFFSET if high else _LOWEST_OFFSET
    return Temporal(value.kind, tuple(fields), offset if count > 3 else None)


def _boundary(*, high: bool) -> Callable[..., Items]:
    def call(items: Items, precision: Items | None = None) -> Items:
        value = comparable_value(single(items))
        digits = None if precision is None else integer_of(precision)
        if value is None:
            return EMPTY
        result: Any
        if is_number(value):
            result = _number_boundary(value, 8 if digits is None else digits, high=high)
        elif value.__class__ is Quantity:
            amount = _number_boundary(value.value, 8 if digits is None else digits, high=high)
            result = None if amount is None else Quantity(amount, value.unit, calendar=value.calendar)
        elif value.__class__ is Temporal:
            result = _temporal_boundary(value, _FULL[value.kind] if digits is None else digits, high=high)
        else:
            raise FhirPathError("only numbers, quantities, dates and times have boundaries")
        return EMPTY if result is None else [result]

    return call


def _precision(items: Items) -> Items:
    value = comparable_value(single(items))
    if value is None:
        return EMPTY
    if is_number(value):
        exponent = Decimal(value).as_tuple().exponent
        return [max(0, -exponent) if isinstance(exponent, int) else 0]
    if value.__class__ is not Temporal:
        raise FhirPathError("only numbers, dates and times have a precision")
    digits = {1: 4, 2: 6, 3: 8, 4: 10, 5: 12, 6: 14} if value.kind != "time" else {1: 2, 2: 4, 3: 6}
    last = value.fields[-1]
    exponent = last.as_tuple().exponent if last.__class__ is Decimal else 0
    return [digits[len(value.fields)] - (exponent if isinstance(exponent, int) else 0)]


def _comparable(items: Items, others: Items) -> Items:
    left, right = comparable_value(single(items)), comparable_value(single(others))
    if left is None or right is None:
        return EMPTY
    if left.__class__ is not Quantity or right.__class__ is not Quantity:
        raise FhirPathError("quantities are expected")
    return [common_unit(left, right) is not None]


BOUNDARIES: dict[str, Function] = {
    "lowBoundary": on_items(_boundary(high=False), 0, 1),
    "highBoundary": on_items(_boundary(high=True), 0, 1),
    "precision": on_items(_precision),
    "comparable": on_items(_comparable, 1),
}
