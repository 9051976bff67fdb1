"""Dates, numbers and quantities of the reference evaluator: ranges that are compared. https://hl7.org/fhir/R4/search.html#prefix

As `reference_evaluator.py`, slow and obvious, and written without a look at the index.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
NOW = datetime(2024, 6, 1, tzinfo=UTC)

# --- date ---------------------------------------------------------------------------------------------------

Span = tuple[datetime | None, datetime | None]
"""From (inclusive) and to (exclusive); None: no limit."""


def span(text: str) -> tuple[datetime, datetime]:
    """From and to of a date, dateTime or instant."""
    found = re.match(r"(\d{4})(-\d\d)?(-\d\d)?(T\d\d:\d\d)?(:\d\d)?(\.\d+)?(.*)$", text)
    assert found
    year, month, day, minutes, seconds, fraction, zone = found.groups()
    start = datetime(int(year), int((month or "-1")[1:]), int((day or "-1")[1:]), tzinfo=UTC)
    if month is None:
        return start, start.replace(year=start.year + 1)
    if day is None:
        return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    if minutes is None:
        return start, start + timedelta(days=1)
    start += timedelta(hours=int(minutes[1:3]), minutes=int(minutes[4:6]))
    if zone not in ("", "Z"):
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        start += away if zone[0] == "-" else -away
    if seconds is None:
        return start, start + timedelta(minutes=1)
    start += timedelta(seconds=int(seconds[1:]))
    if fraction is None:
        return start, start + timedelta(seconds=1)
    start += timedelta(microseconds=int(fraction[1:].ljust(6, "0")))
    return start, start + timedelta(microseconds=10 ** (6 - len(fraction[1:])))


def target_span(data_type: str, value: Any) -> Span | None:
    """From and to of an element; None: it has neither."""
    if data_type == "Period":
        if not value:
            return None
        return (
            span(value["start"])[0] if "start" in value else None,
            span(value["end"])[1] if "end" in value else None,
        )
    if data_type == "Timing":
        spans: list[Span] = [span(event) for event in value.get("event", [])]
        bounds = target_span("Period", value.get("repeat", {}).get("boundsPeriod"))
        spans += [bounds] if bounds else []
        if not spans:
            return None
        lows, highs = [low for low, _ in spans], [high for _, high in spans]
        return (
            None if None in lows else min(low for low in lows if low),
            None if None in highs else max(high for high in highs if high),
        )
    return span(value)


def date_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """R4's table of prefixes, word by word."""
    assert modifier is None
    target = target_span(*element)
    if target is None:
        return False
    low, high = target
    prefix, text = (value[:2], value[2:]) if value[:1].isalpha() else ("eq", value)
    start, end = span(text)
    contained = low is not None and high is not None and start <= low and high <= end
    reaches_above = high is None or high > end
    reaches_below = low is None or low < start
    gap = abs(NOW - start) / 10
    return {
        "eq": contained,
        "ne": not contained,
        "gt": reaches_above,
        "lt": reaches_below,
        "ge": reaches_above or contained,
        "le": reaches_below or contained,
        "sa": low is not None and low >= end,
        "eb": high is not None and high <= start,
        "ap": (low is None or low < end + gap) and (high is None or high > start - gap),
    }[prefix]


# --- number and quantity ------------------------------------------------------------------------------------

Limits = tuple[Fraction | None, Fraction | None]
"""Lowest and highest value, both inclusive; None: no limit."""


def _band(text: str) -> tuple[Fraction, Fraction]:
    """Half a unit of the last digit given: 100 is 99.5 to 100.5; R4 has 1e2 as 95 to 105."""
    digits, _, power = text.lower().partition("e")
    decimals = len(digits.partition(".")[2])
    exponent = int(power or 0) - decimals
    half = Fraction(10) ** exponent / 2 if exponent <= 0 else Fraction(10) ** exponent / 20
    return Fraction(text) - half, Fraction(text) + half


def _compare(limits: Limits, prefix: str, text: str, convert: Callable[[Fraction], Fraction]) -> bool:
    low, high = limits
    exact = convert(Fraction(text))
    start, end = (convert(edge) for edge in _band(text))
    contained = low is not None and high is not None and start <= low and high < end
    half = (_band(text)[1] - _band(text)[0]) / 2
    gap = max(abs(Fraction(text)) / 10, half)
    near, far = convert(Fraction(text) - gap), convert(Fraction(text) + gap)
    return {
        "eq": contained,
        "ne": not contained,
        "gt": high is None or high > exact,
        "lt": low is None or low < exact,
        "ge": high is None or high >= exact,
        "le": low is None or low <= exact,
        "sa": low is not None and low > exact,
        "eb": high is not None and high < exact,
        "ap": (low is None or low <= far) and (high is None or high >= near),
    }[prefix]


def _prefixed(value: str) -> tuple[str, str]:
    return (value[:2], value[2:]) if value[:1].isalpha() else ("eq", value)


def number_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """A number is a point, a Range what lies between its ends."""
    assert modifier is None
    data_type, target = element
    if data_type == "Range":
        limits: Limits = tuple(  # type: ignore[assignment]  # of two
            Fraction(str(target[end]["value"])) if end in target else None for end in ("low", "high")
        )
        if limits == (None, None):
            return False
    else:
        limits = (Fraction(str(target)), Fraction(str(target)))
    prefix, text = _prefixed(value)
    return _compare(limits, prefix, text, lambda number: number)


UCUM = "http://unitsofmeasure.org"
UNITS: dict[str, tuple[str, Fraction, Fraction]] = {
    "g": ("g", Fraction(1), Fraction(0)),
    "mg": ("g", Fraction(1, 1000), Fraction(0)),
    "kg": ("g", Fraction(1000), Fraction(0)),
    "mg/dL": ("g/m3", Fraction(10), Fraction(0)),
    "g/L": ("g/m3", Fraction(1000), Fraction(0)),
    "/min": ("/s", Fraction(1, 60), Fraction(0)),
    "/s": ("/s", Fraction(1), Fraction(0)),
    "cm": ("m", Fraction(1, 100), Fraction(0)),
    "[in_i]": ("m", Fraction(254, 10000), Fraction(0)),
    "Cel": ("K", Fraction(1), Fraction(27315, 100)),
    "[degF]": ("K", Fraction(5, 9), Fraction(45967, 100) * Fraction(5, 9)),
    "%": ("1", Fraction(1, 100), Fraction(0)),
    "{score}": ("1", Fraction(1), Fraction(0)),
    "[pH]": ("[pH]", Fraction(1), Fraction(0)),
    "[IU]": ("[IU]", Fraction(1), Fraction(0)),
}
"""UCUM code -> dimension, factor, offset."""


def _converter(code: str) -> Callable[[Fraction], Fraction]:
    _, factor, offset = UNITS[code]
    return lambda number: number * factor + offset


def _limits(data_type: str, target: Json) -> tuple[Limits, Json] | None:
    if data_type == "Range":
        ends = [target.get(end) for end in ("low", "high")]
        numbers = [Fraction(str(end["value"])) if end else None for end in ends]
        unit = next((end for end in ends if end), None)
        return ((numbers[0], numbers[1]), unit) if unit else None
    if "value" not in target:
        return None
    number = Fraction(str(target["value"]))
    comparator = target.get("comparator", "")
    return (None if "<" in comparator else number, None if ">" in comparator else number), target


def quantity_matches(element: tuple[str, Any], modifier: str | None, value: str) -> bool:
    """Number, and unit by system and code, by code or text, or not at all."""
    assert modifier is None
    found = _limits(*element)
    if found is None:
        return False
    limits, unit = found
    prefix, text = _prefixed(value)
    number, *asked = text.split("|")
    system, code = asked or ("", "")
    if not code:
        return _compare(limits, prefix, number, lambda each: each)
    has_unit = unit.get("system") == UCUM and unit.get("code") in UNITS
    if system in ("", UCUM) and code in UNITS and has_unit and UNITS[code][0] == UNITS[unit["code"]][0]:
        low, high = (None if end is None else _converter(unit["code"])(end) for end in limits)
        if _compare((low, high), prefix, number, _converter(code)):
            return True
        if system:
            return False
    if system:
        named = unit.get("system") == system and unit.get("code") == code
    else:
        # A UCUM code is a word for its unit only through UCUM, which the comparison above has settled.
        named = (unit.get("code") == code and not has_unit) or unit.get("unit") == code != unit.get("code")
        named = named or (unit.get("unit") == code and not has_unit)
    return named and _compare(limits, prefix, number, lambda each: each)
