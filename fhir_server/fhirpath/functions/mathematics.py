"""Mathematical functions. https://hl7.org/fhirpath/N1/#math-1"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from typing import Any

from fhir_server.fhirpath.arithmetic import number, precise, whole
from fhir_server.fhirpath.code import EMPTY, Items, single
from fhir_server.fhirpath.equality import comparable_value
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Function, integer_of, number_of, on_items
from fhir_server.fhirpath.quantity import Quantity

Number = int | Decimal


def _rounded_to_integer(mode: str) -> Callable[[Items], Items]:
    def call(items: Items) -> Items:
        value = number_of(items)
        return EMPTY if value is None else whole(Decimal(value), mode)

    return call


def _round(items: Items, digits: Items | None = None) -> Items:
    value, places = number_of(items), 0 if digits is None else integer_of(digits)
    if value is None or places is None:
        return EMPTY
    if not 0 <= places <= 100:
        raise FhirPathError("the number of digits must lie between 0 and 100")
    try:
        return [Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)]
    except DecimalException:
        return [value]


def _guarded(call: Callable[..., Any]) -> Callable[..., Items]:
    """Function of numbers: empty when one is missing or the result is no real number."""

    def guarded(items: Items, *arguments: Items) -> Items:
        values = [number_of(given) for given in (items, *arguments)]
        if None in values:
            return EMPTY
        try:
            result = call(*[Decimal(value) for value in values if value is not None])
        except (DecimalException, ValueError):
            return EMPTY
        return EMPTY if result is None or not result.is_finite() else [precise(result)]

    return guarded


def _power(items: Items, exponent: Items) -> Items:
    base, power = number_of(items), number_of(exponent)
    if base is None or power is None:
        return EMPTY
    try:
        result = Decimal(base) ** Decimal(power)
    except DecimalException:
        return EMPTY
    if base.__class__ is int and power.__class__ is int and power >= 0:
        return number(int(result)) if result.is_finite() and abs(result) < 2**31 else EMPTY
    return [precise(result)] if result.is_finite() else EMPTY


def _absolute(items: Items) -> Items:
    value = comparable_value(single(items))
    if value.__class__ is Quantity:
        return [Quantity(abs(Decimal(value.value)), value.unit, calendar=value.calendar, other=value.other)]
    amount = number_of(items)
    return EMPTY if amount is None else [abs(amount)]


def _logarithm(value: Decimal, base: Decimal) -> Decimal:
    return value.ln() / base.ln()


MATHEMATICS: dict[str, Function] = {
    "abs": on_items(_absolute),
    "ceiling": on_items(_rounded_to_integer(ROUND_CEILING)),
    "floor": on_items(_rounded_to_integer(ROUND_FLOOR)),
    "truncate": on_items(_rounded_to_integer(ROUND_DOWN)),
    "round": on_items(_round, 0, 1),
    "sqrt": on_items(_guarded(Decimal.sqrt)),
    "exp": on_items(_guarded(Decimal.exp)),
    "ln": on_items(_guarded(Decimal.ln)),
    "log": on_items(_guarded(_logarithm), 1),
    "power": on_items(_power, 1),
}
