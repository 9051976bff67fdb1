"""Dates, times and date-times with their precision. https://hl7.org/fhirpath/N1/#time-valued-quantities"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

_DATE = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_TIME = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
_PATTERNS = {
    "date": re.compile(_DATE),
    "dateTime": re.compile(_DATE + rf"(?:T(?:{_TIME})?(Z|[+-]\d\d:\d\d)?)?"),
    "time": re.compile(_TIME),
}
_LIMITS = ((1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 60))

FIELDS = {"date": 3, "dateTime": 6, "time": 3}
"""Kind -> number of fields at full precision."""

_WIDEST_OFFSETS = (-12 * 60, 14 * 60)


class Temporal:
    """A date, dateTime or time. `fields` stop at the precision given; seconds are Decimal and include the fraction.

    `offset` is minutes east of UTC, None when the text has no time zone.
    """

    __slots__ = ("fields", "kind", "offset")

    def __init__(self, kind: str, fields: tuple[Any, ...], offset: int | None = None) -> None:
        self.kind, self.fields, self.offset = kind, fields, offset

    def __repr__(self) -> str:
        return f"@{'T' if self.kind == 'time' else ''}{self}"

    def __str__(self) -> str:
        if self.kind == "time":
            return _time_text(self.fields)
        text = "-".join(f"{value:0{width}d}" for value, width in zip(self.fields[:3], (4, 2, 2), strict=False))
        if self.kind == "date":
            return text
        return f"{text}T{_time_text(self.fields[3:])}{_offset_text(self.offset)}"


def _time_text(fields: tuple[Any, ...]) -> str:
    parts = [f"{value:02d}" for value in fields[:2]]
    if len(fields) > 2:
        seconds = format(fields[2], "f")
        parts.append(seconds if seconds.find(".") == 2 or len(seconds) == 2 else "0" + seconds)
    return ":".join(parts)


def _offset_text(offset: int | None) -> str:
    if offset is None:
        return ""
    sign = "-" if offset < 0 else "+"
    return f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}" if offset else "Z"


def parse(kind: str, text: str) -> Temporal | None:
    """Value of kind date, dateTime or time; None for text that is none."""
    match = _PATTERNS[kind].fullmatch(text)
    if match is None:
        return None
    groups = match.groups()
    fields: list[Any] = [int(group) for group in groups[: {"date": 3, "dateTime": 5, "time": 2}[kind]] if group]
    seconds = {"date": None, "dateTime": 5, "time": 2}[kind]
    if seconds is not None and groups[seconds]:
        fields.append(Decimal(groups[seconds]))
    limits = _LIMITS[3:] if kind == "time" else _LIMITS
    if any(not low <= value < high + 1 for value, (low, high) in zip(fields, limits, strict=False)):
        return None
    if kind != "time" and len(fields) > 2 and fields[2] > monthrange(fields[0], fields[1])[1]:
        return None
    return Temporal(kind, tuple(fields), _offset(groups[6]) if kind == "dateTime" else None)


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[4:])
    return -minutes if text[0] == "-" else minutes


def shifted(value: Temporal, minutes: int) -> tuple[Any, ...]:
    """Fields after adding minutes; the fields must reach the minute."""
    year, month, day, hour, minute, *seconds = value.fields
    try:
        moved = datetime(year, month, day, hour, minute) + timedelta(minutes=minutes)
    except OverflowError:
        return value.fields
    return (moved.year, moved.month, moved.day, moved.hour, moved.minute, *seconds)


def _compare_fields(left: tuple[Any, ...], right: tuple[Any, ...]) -> int | None:
    for a, b in zip(left, right, strict=False):
        if a != b:
            return -1 if a < b else 1
    return 0 if len(left) == len(right) else None


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where the precision or a missing time zone leaves it open. Times compare with times only."""
    if left.offset is None and right.offset is None:
        return _compare_fields(left.fields, right.fields)
    if left.offset is not None and right.offset is not None:
        if len(left.fields) < 5 or len(right.fields) < 5:
            return _compare_fields(left.fields, right.fields)
        return _compare_fields(shifted(left, -left.offset), shifted(right, -right.offset))
    if len(left.fields) < 5 or len(right.fields) < 5:
        # A date has no time zone to be in; compare what is written.
        return _compare_fields(left.fields, right.fields)
    # One side has no time zone: certain only when it holds in every zone there is.
    orders = set()
    for offset in _WIDEST_OFFSETS:
        a = shifted(left, -(offset if left.offset is None else left.offset))
        b = shifted(right, -(offset if right.offset is None else right.offset))
        orders.add(_compare_fields(a, b))
    return orders.pop() if len(orders) == 1 else None


def comparable(left: Temporal, right: Temporal) -> bool:
    """Whether one can stand before the other at all: a time of day cannot stand before a date."""
    return (left.kind == "time") == (right.kind == "time")


_UNITS = ("year", "month", "day", "hour", "minute", "second")
_SECONDS: dict[str, Decimal | int] = {
    "week": 604800,
    "day": 86400,
    "hour": 3600,
    "minute": 60,
    "second": 1,
    "millisecond": Decimal("0.001"),
}
UCUM_UNITS = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
"""UCUM codes of fixed length that may be added to a date or time; 'mo' and 'a' are no calendar units."""


def add(value: Temporal, amount: Decimal | int, unit: str) -> Temporal | None:
    """`value` plus an amount of a calendar unit; None beyond the years 1 to 9999. Time of day wraps around.

    An amount finer than the precision of `value` is cut to it; fractions count for seconds and milliseconds only.
    """
    if unit not in ("second", "millisecond"):
        amount = int(amount)
    if value.kind == "time":
        return _add_to_time(value, amount, unit)
    precision = len(value.fields)
    if unit in ("year", "month"):
        months = int(amount) * (12 if unit == "year" else 1)
        return _add_months(value, months if precision > 1 else int(months / 12) * 12)
    seconds = Decimal(amount) * _SECONDS[unit]
    if precision <= 2:
        months = int(seconds / (_SECONDS["day"] * 30))
        return _add_months(value, months if precision == 2 else int(seconds / (_SECONDS["day"] * 365)) * 12)
    step = _SECONDS[_UNITS[precision - 1]] if precision < 6 else Decimal(0)
    whole = int(seconds / step) * int(step) if step else seconds
    year, month, day, *rest = value.fields
    clock = _clock(rest) + whole
    days, clock = divmod(clock, 86400)
    if clock < 0:
        days, clock = days - 1, clock + 86400
    try:
        moved = datetime(year, month, day) + timedelta(days=int(days))
    except (OverflowError, ValueError):
        return None
    fields = (moved.year, moved.month, moved.day, *_clock_fields(clock, len(rest), rest))
    return Temporal(value.kind, fields, value.offset)


def _clock(rest: list[Any]) -> Decimal:
    return sum((Decimal(part) * scale for part, scale in zip(rest, (3600, 60, 1), strict=False)), Decimal(0))


def _clock_fields(clock: Decimal, count: int, before: list[Any]) -> tuple[Any, ...]:
    minutes, seconds = divmod(clock, 60)
    hour, minute = divmod(int(minutes), 60)
    if count == 3 and seconds == seconds.to_integral_value() and before[2].as_tuple().exponent == 0:
        seconds = seconds.quantize(Decimal(1))
    return (hour, minute, seconds)[:count]


def _add_to_time(value: Temporal, amount: Decimal | int, unit: str) -> Temporal | None:
    if unit not in ("hour", "minute", "second", "millisecond"):
        return None
    count = len(value.fields)
    seconds = Decimal(amount) * _SECONDS[unit]
    step = (3600, 60, 0)[count - 1]
    whole = Decimal(int(seconds / step) * step) if step else seconds
    clock = (_clock(list(value.fields)) + whole) % 86400
    if clock < 0:
        clock += 86400
    return Temporal("time", _clock_fields(clock, count, list(value.fields)))


def _add_months(value: Temporal, months: int) -> Temporal | None:
    year, month = value.fields[0], value.fields[1] if len(value.fields) > 1 else 1
    years, month = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= years <= 9999:
        return None
    fields = (years, month + 1, *value.fields[2:])[: len(value.fields)]
    if len(fields) > 2:
        fields = (*fields[:2], min(fields[2], monthrange(years, month + 1)[1]), *fields[3:])
    return Temporal(value.kind, fields, value.offset)
