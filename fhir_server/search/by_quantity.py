"""Search parameters of type quantity: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#quantity

A quantity has a row for each way to ask for it (`_hashes`): by number alone, by unit, by the word used for the unit.
A unit of UCUM is stored in canonical form, so 1 g is found as 1000 mg. A range (Range, SampledData, a comparator) is
kept under a unit_hash of its own, so that a point, which is nearly everything, is found by `low` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.by_number import BEGIN, END, bound, compare, parse
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.rows import Bound, hash64
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.units import UCUM, Canonical, canonical
from fhir_server.search.values import split_parts, split_prefix
from fhir_server.statement import Parameters

CURRENCY = "urn:iso:std:iso:4217"
_RANGE = "range:"
Banded = tuple[int, Bound, Bound]
"""unit_hash, low, high."""

ANY_UNIT = ""


def _key(system: str, code: str) -> str:
    return f"{system}|{code}"


def _word(text: str) -> str:
    """Key of a unit's code or text whatever its system."""
    return f"|{text}"


@lru_cache(maxsize=4096)
def _units(system: str | None, code: str | None, text: str | None) -> tuple[tuple[int, int, Canonical | None], ...]:
    """Of each row a quantity in this unit has: its unit_hash as point, as range, and the conversion if there is one."""
    keys: dict[str, Canonical | None] = {ANY_UNIT: None}
    unit = canonical(code) if system == UCUM and code else None
    if unit:
        keys[_key(UCUM, unit.unit)] = unit
    elif code and system:
        keys[_key(system, code)] = None
    # The words of a UCUM unit are found through its canonical form.
    for word in {code, text}:
        if word and not (unit and word == code):
            keys[_word(word)] = None
    return tuple((hash64(key), hash64(_RANGE + key), unit) for key, unit in keys.items())


def _convert(number: Bound, unit: Canonical) -> Bound:
    return number if number in (BEGIN, END) else format(unit.convert(Decimal(number)), "f")


@lru_cache(maxsize=16384)
def _banded(low: Bound, high: Bound, system: str | None, code: str | None, text: str | None) -> tuple[Banded, ...]:
    point = low == high
    return tuple(
        (
            as_point if point else as_range,
            low if unit is None else (first := _convert(low, unit)),
            high if unit is None else (first if point else _convert(high, unit)),
        )
        for as_point, as_range, unit in _units(system, code, text)
    )


def _quantity(value: dict[str, Any]) -> tuple[Banded, ...]:
    number = bound(value.get("value"))
    if number is None:
        return ()
    low, high = _COMPARATOR[value.get("comparator")](number)
    return _banded(low, high, value.get("system"), value.get("code"), value.get("unit"))


# "<5" is read as "at most 5": the open end would need a number next to 5.
_COMPARATOR: dict[str | None, Callable[[Bound], tuple[Bound, Bound]]] = {
    None: lambda number: (number, number),
    "<": lambda number: (BEGIN, number),
    "<=": lambda number: (BEGIN, number),
    ">": lambda number: (number, END),
    ">=": lambda number: (number, END),
}


def _money(value: dict[str, Any]) -> tuple[Banded, ...]:
    number = bound(value.get("value"))
    return () if number is None else _banded(number, number, CURRENCY, value.get("currency"), None)


def _range(value: dict[str, Any]) -> tuple[Banded, ...]:
    low, high = value.get("low", {}), value.get("high", {})
    first, last = bound(low.get("value")), bound(high.get("value"))
    if first is None and last is None:
        return ()
    unit = low if "code" in low or "unit" in low else high
    return _banded(first or BEGIN, last or END, unit.get("system"), unit.get("code"), unit.get("unit"))


def _sampled(value: dict[str, Any]) -> tuple[Banded, ...]:
    origin = value.get("origin", {})
    samples = list(_samples(value))
    if not samples:
        return ()
    low, high = str(min(samples)), str(max(samples))
    return _banded(low, high, origin.get("system"), origin.get("code"), origin.get("unit"))


def _samples(value: dict[str, Any]) -> Iterator[Decimal]:
    """What was measured: points of `data` times factor plus origin; E, U and L are errors and limits, not points."""
    start = Decimal(value.get("origin", {}).get("value", 0))
    factor = Decimal(value.get("factor", 1))
    for point in value.get("data", "").split():
        try:
            number = Decimal(point)
        except InvalidOperation:
            continue
        if number.is_finite() and bound(number):
            yield start + number * factor


BANDS: dict[str, Callable[[Any], tuple[Banded, ...]]] = {
    "Quantity": _quantity,
    "Age": _quantity,
    "Count": _quantity,
    "Distance": _quantity,
    "Duration": _quantity,
    "Money": _money,
    "Range": _range,
    "SampledData": _sampled,
}
"""FHIR type -> its (unit_hash, low, high) rows."""


def emitter(data_type: str, ids: Sequence[int]) -> Emit | None:
    """Writes the `quantity` rows of an element of the type; None for types that are no quantity."""
    bands = BANDS.get(data_type)
    if bands is None:
        return None

    def emit(value: Any, sink: Sink) -> None:
        for unit_hash, low, high in bands(value):
            for param_id in ids:
                sink.quantity.append((param_id, unit_hash, low, high))

    return emit


_CURRENCY_CODE = re.compile(r"[A-Z]{3}", re.ASCII)


def _asked(system: str | None, code: str | None) -> list[tuple[str, Canonical | None]]:
    """Keys under which a value with this unit may be stored, each with the conversion to make first."""
    if not code:
        return [(ANY_UNIT, None)]
    unit = canonical(code) if system in ("", None, UCUM) else None
    keys: list[tuple[str, Canonical | None]] = []
    if unit:
        keys.append((_key(UCUM, unit.unit), unit))
    if system:
        return keys or [(_key(system, code), None)]
    keys.append((_word(code), None))
    return keys


def conditions(text: str, code: str, parameters: Parameters, unit_column: str) -> list[str]:
    """SQL over `unit_column`, low and high for one value: `5.4`, `gt5.4|system|code`, `5.4||code`. Raises Invalid.

    Any of them may hold; each is a range of the index.
    """
    prefix, rest = split_prefix(text)
    number, *unit = split_parts(rest)
    if len(unit) not in (0, 2):
        raise Invalid(
            f"search parameter '{code}': a quantity is number, number|system|code or number||code", code="value"
        )
    system, unit_code = unit or (None, None)
    if system and not unit_code:
        raise Invalid(f"search parameter '{code}': the unit's system is given without its code", code="value")
    value, half = parse(number, code)
    found = []
    for key, conversion in _asked(system, unit_code):

        def converted(bound: Decimal, conversion: Canonical | None = conversion) -> str:
            return parameters.add(str(conversion.convert(bound) if conversion else bound), "numeric")

        point = compare(prefix, value, half, "{t}.low", "{t}.low", converted)
        ranged = compare(prefix, value, half, "{t}.low", "{t}.high", converted)
        found.append(f"({{t}}.{unit_column} = {parameters.add(hash64(key), 'bigint')} and {point})")
        found.append(f"({{t}}.{unit_column} = {parameters.add(hash64(_RANGE + key), 'bigint')} and {ranged})")
    return found


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of one quantity. Raises Invalid."""
    if modifier is not None:
        raise Invalid(
            f"search parameter '{parameter.code}' is a quantity and has no modifier ':{modifier}'", code="not-supported"
        )
    key = one_of("param_id", parameter.param_ids)
    first, *others = (f"{key} and {test}" for test in conditions(value, parameter.code, parameters, "unit_hash"))
    return Probe("quantity", first, tuple(("quantity", other) for other in others))
