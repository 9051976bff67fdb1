"""Search parameters of type number: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#number

A number in a resource is a point, a Range what lies between its ends. A number in a search has a band, given by its
digits, for eq and ne; the other prefixes take it as exact (docs/decisions/number-precision.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.rows import Bound
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import split_prefix, unescape
from fhir_server.statement import Parameters

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST = 400
"""Powers of ten beyond which a number is not indexed; PostgreSQL's numeric, and its index rows, end somewhere."""

BEGIN, END = "-Infinity", "Infinity"


def bound(value: Any) -> Bound | None:
    """A JSON number as text for PostgreSQL; None when it is absent or too large to index."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return str(value) if abs(value.adjusted()) < _LARGEST and len(value.as_tuple().digits) < _LARGEST else None


def _number(value: Any) -> tuple[Bound, Bound] | None:
    point = bound(value)
    return None if point is None else (point, point)


def _range(value: dict[str, Any]) -> tuple[Bound, Bound] | None:
    low, high = (bound(value.get(end, {}).get("value")) for end in ("low", "high"))
    return None if low is None and high is None else (low or BEGIN, high or END)


RANGE: dict[str, Callable[[Any], tuple[Bound, Bound] | None]] = {
    "decimal": _number,
    "integer": _number,
    "positiveInt": _number,
    "unsignedInt": _number,
    "Range": _range,
}


def emitter(data_type: str, ids: Sequence[int]) -> Emit | None:
    """Writes the `number` rows of an element of the type; None for types that are no number."""
    to_range = RANGE.get(data_type)
    if to_range is None:
        return None

    def emit(value: Any, sink: Sink) -> None:
        found = to_range(value)
        if found:
            for param_id in ids:
                sink.number.append((param_id, *found))

    return emit


def parse(text: str, code: str) -> tuple[Decimal, Decimal]:
    """Number of a search value and half the width of the band its digits give it. Raises Invalid.

    100 is 99.5 to 100.5, 100.00 is 99.995 to 100.005; 1e2 is 95 to 105, as the specification's table has it.
    """
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"search parameter '{code}': the value is not a number such as 5.4, -5 or 5.4e2", code="value")
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return value, Decimal(5).scaleb(exponent - 1 if exponent <= 0 else exponent - 2)


def compare(
    prefix: str, value: Decimal, half: Decimal, target_low: str, target_high: str, number: Callable[[Decimal], str]
) -> str:
    """SQL that the target, a closed range or a point, stands to the value as the prefix says."""
    match prefix:
        case "eq":
            return f"{target_low} >= {number(value - half)} and {target_high} < {number(value + half)}"
        case "ne":
            return f"({target_low} < {number(value - half)} or {target_high} >= {number(value + half)})"
        case "gt":
            return f"{target_high} > {number(value)}"
        case "lt":
            return f"{target_low} < {number(value)}"
        case "ge":
            return f"{target_high} >= {number(value)}"
        case "le":
            return f"{target_low} <= {number(value)}"
        case "sa":
            return f"{target_low} > {number(value)}"
        case "eb":
            return f"{target_high} < {number(value)}"
        case _:
            gap = max(abs(value) / 10, half)
            return f"{target_low} <= {number(value + gap)} and {target_high} >= {number(value - gap)}"


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of one number. Raises Invalid."""
    if modifier is not None:
        raise Invalid(
            f"search parameter '{parameter.code}' is a number and has no modifier ':{modifier}'", code="not-supported"
        )
    prefix, rest = split_prefix(unescape(value))
    exact, half = parse(rest, parameter.code)
    test = compare(prefix, exact, half, "{t}.low", "{t}.high", lambda bound: parameters.add(str(bound), "numeric"))
    return Probe("number", f"{one_of('param_id', parameter.param_ids)} and {test}")
