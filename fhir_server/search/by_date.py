"""Search parameters of type date: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#date

A date is the range of instants it may mean: [low, high) in microseconds since 1970 UTC. Values without a zone are UTC
(docs/decisions/dates-without-zone.md).
"""

from __future__ import annotations

import re
import time
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.schema.search_rows import DAY
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.rows import BEGIN, END
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import split_prefix, unescape
from fhir_server.statement import Parameters

Range = tuple[int, int]

SHORT = f"{{t}}.low > -9000000000000000000 and {{t}}.high < 9000000000000000000 and {{t}}.high - {{t}}.low <= {DAY}"
"""The predicate of the partial index `date_short`; the planner wants it word by word. See `schema.py`."""

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+\- ]\d\d:\d\d)?)?)?)?", re.ASCII
)
_EPOCH = date(1970, 1, 1).toordinal()
_MINUTE = 60_000_000


@lru_cache(maxsize=16384)
def instants(text: str) -> Range:
    """Range of instants a date, dateTime or instant means. Raises ValueError when it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("not a date")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if day is None:
        last = date(int(year), int(month or 12), monthrange(int(year), int(month))[1] if month else 31)
        return _start(date(int(year), int(month or 1), 1)), _start(last) + DAY
    start = _start(date(int(year), int(month), int(day)))
    if hour is None:
        return start, start + DAY
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        raise ValueError("no such time of day")
    # A leap second is the last second of its minute.
    start += (int(hour) * 60 + int(minute)) * _MINUTE + min(int(second or 0), 59) * 1_000_000 - _offset(zone)
    if second is None:
        return start, start + _MINUTE
    digits = (fraction or "")[:6]
    width = 10 ** (6 - len(digits))
    start += int(digits or 0) * width
    return start, start + width


def _start(day: date) -> int:
    return (day.toordinal() - _EPOCH) * DAY


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    # "+" arrives as a space from clients that do not escape it.
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes * _MINUTE if zone[0] == "-" else minutes * _MINUTE


def period(value: dict[str, Any]) -> Range | None:
    """Range of a Period; a missing end is open. None when both are missing."""
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return (BEGIN if start is None else instants(start)[0], END if end is None else instants(end)[1])


def timing(value: dict[str, Any]) -> Range | None:
    """Outer limits of a Timing: from its first event or bound to its last. None when it has neither."""
    ranges = [instants(event) for event in value.get("event", ()) if event is not None]
    bounds = period(value.get("repeat", {}).get("boundsPeriod", {}))
    if bounds:
        ranges.append(bounds)
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


RANGE: dict[str, Callable[[Any], Range | None]] = {
    "date": instants,
    "dateTime": instants,
    "instant": instants,
    "Period": period,
    "Timing": timing,
}
"""FHIR type -> its range; elements of other types (a Condition's onset as Age) are not dates."""


def emitter(data_type: str, ids: Sequence[int]) -> Emit | None:
    """Writes the `date` rows of an element of the type; None for types a date search does not cover."""
    to_range = RANGE.get(data_type)
    if to_range is None:
        return None

    def emit(value: Any, sink: Sink) -> None:
        found = to_range(value)
        if found:
            low, high = found
            for param_id in ids:
                sink.date.append((param_id, low, high))

    return emit


def clock() -> int:
    """Now, in microseconds since 1970: what `ap` measures the distance from."""
    return time.time_ns() // 1000


def compare(
    prefix: str, low: int, high: int, now: int, target_low: str, target_high: str, number: Callable[[int], str]
) -> str:
    """SQL that the target range stands to [low, high) as the prefix says.

    The range above a value begins where it ends, the range below ends where it begins.
    """
    match prefix:
        case "eq":
            return f"{target_low} >= {number(low)} and {target_high} <= {number(high)}"
        case "ne":
            return f"({target_low} < {number(low)} or {target_high} > {number(high)})"
        case "gt":
            return f"{target_high} > {number(high)}"
        case "lt":
            return f"{target_low} < {number(low)}"
        case "ge":
            return f"({target_low} >= {number(low)} or {target_high} > {number(high)})"
        case "le":
            return f"({target_high} <= {number(high)} or {target_low} < {number(low)})"
        case "sa":
            return f"{target_low} >= {number(high)}"
        case "eb":
            return f"{target_high} <= {number(low)}"
        case "po":
            return f"{target_low} < {number(high)} and {target_high} > {number(low)}"
        case "co":
            return f"{target_low} <= {number(low)} and {target_high} >= {number(high)}"
        case _:
            gap = abs(now - low) // 10
            return f"{target_low} < {number(high + gap)} and {target_high} > {number(low - gap)}"


def compare_instant(prefix: str, low: int, high: int, now: int, target: str, number: Callable[[int], str]) -> str:
    """The same of a target that is one microsecond: bounds of it alone, by which its index is entered."""
    match prefix:
        case "eq" | "po":
            return f"{target} >= {number(low)} and {target} < {number(high)}"
        case "ne":
            return f"({target} < {number(low)} or {target} >= {number(high)})"
        case "gt" | "sa":
            return f"{target} >= {number(high)}"
        case "lt" | "eb":
            return f"{target} < {number(low)}"
        case "ge":
            return f"{target} >= {number(low)}"
        case "le":
            return f"{target} < {number(high)}"
        case "co":
            return f"{target} <= {number(low)} and {target} >= {number(high - 1)}"
        case _:
            gap = abs(now - low) // 10
            return f"{target} < {number(high + gap)} and {target} >= {number(low - gap)}"


_SHORT_BOUND: dict[str, Callable[[int, int], tuple[str, int]]] = {
    "eq": lambda low, high: ("<", high),
    "gt": lambda low, high: (">", high - DAY),
    "ge": lambda low, high: (">", min(low - 1, high - DAY)),
    "le": lambda low, high: ("<", high),
    "eb": lambda low, high: ("<", low),
    "po": lambda low, high: (">", low - DAY),
    "co": lambda low, high: (">", high - DAY - 1),
}
"""What the prefix says of `low` alone when the target spans a day at most: lets the index be entered at a key."""


OPERATORS = frozenset(("po", "co"))
"""Of _filter, and no prefixes: the periods overlap; the target contains the value."""


def ranged(text: str, code: str, operator: str | None = None) -> tuple[str, int, int]:
    """Prefix (or the operator that stands for it), low and high of a search value. Raises Invalid."""
    prefix, rest = (operator, text) if operator else split_prefix(unescape(text))
    try:
        low, high = instants(rest)
    except ValueError:
        raise Invalid(
            f"search parameter '{code}': the value is not a date such as 2024, 2024-05, 2024-05-01 or "
            "2024-05-01T10:00:00Z, with or without a prefix (eq ne gt lt ge le sa eb ap)",
            code="value",
        ) from None
    return prefix, low, high


def condition(
    parameter: SearchParameter,
    value: str,
    modifier: str | None,
    parameters: Parameters,
    now: Callable[[], int] = clock,
) -> Probe:
    """Probe of one date value. Raises Invalid."""
    if modifier is not None and modifier not in OPERATORS:
        raise Invalid(
            f"search parameter '{parameter.code}' is a date and has no modifier ':{modifier}'", code="not-supported"
        )
    if parameter.column:
        prefix, low, high = ranged(value, parameter.code, modifier)
        column = f"{{t}}.{parameter.column}"
        today = now() if prefix == "ap" else 0

        def number(instant: int) -> str:
            return parameters.add(instant, "bigint")

        return Probe("resource", compare_instant(prefix, low, high, today, column, number))
    key = one_of("param_id", parameter.param_ids)
    short, *others = (f"{key} and {span}" for span in spans(value, parameter.code, parameters, now, modifier))
    return Probe("date", short, tuple(("date", other) for other in others))


def spans(
    value: str, code: str, parameters: Parameters, now: Callable[[], int] = clock, operator: str | None = None
) -> list[str]:
    """Conditions of one value on the rows of the short index and on those of the long one, which may have none."""
    prefix, low, high = ranged(value, code, operator)

    def number(instant: int) -> str:
        return parameters.add(instant, "bigint")

    test = compare(prefix, low, high, now() if prefix == "ap" else 0, "{t}.low", "{t}.high", number)
    short = f"{SHORT} and {test}"
    if prefix in _SHORT_BOUND:
        sign, bound = _SHORT_BOUND[prefix](low, high)
        short += f" and {{t}}.low {sign} {number(bound)}"
    # A range longer than a day never lies within one that is not.
    return [short] if prefix == "eq" and high - low <= DAY else [short, f"not ({SHORT}) and {test}"]
