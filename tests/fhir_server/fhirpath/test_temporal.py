"""Dates and times: parsing, order under precision, arithmetic."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhirpath.temporal import Temporal, add, compare, parse

TEXTS = [
    ("date", "2020"),
    ("date", "2020-02"),
    ("date", "2020-02-29"),
    ("dateTime", "2020-02-29T10:30:00Z"),
    ("dateTime", "2020-02-29T10:30:00.123-03:00"),
    ("dateTime", "2020-02-29T10:30:05+05:45"),
    ("time", "10:30"),
    ("time", "10:30:00.5"),
]
WRONG = [
    ("date", "2019-02-29"),
    ("date", "2020-13"),
    ("date", "2020-1-1"),
    ("date", "0000"),
    ("dateTime", "2020-01-01T24:00:00Z"),
    ("dateTime", "2020-01-01T10:61:00Z"),
    ("time", "25:00"),
    ("time", ""),
]


def of(kind: str, text: str) -> Temporal:
    value = parse(kind, text)
    assert value is not None
    return value


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_text_comes_back(kind: str, text: str) -> None:
    assert str(of(kind, text)) == text


@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_wrong_text(kind: str, text: str) -> None:
    assert parse(kind, text) is None


ORDER = [
    ("2020", "2021", -1),
    ("2020", "2020-01", None),
    ("2020-01-01T10:00:00Z", "2020-01-01T07:00:00-03:00", 0),
    ("2020-01-01T10:00:00Z", "2020-01-01T10:00:00.0Z", 0),
    ("2020-01-01T10:00:00", "2020-01-01T12:00:00Z", None),
    ("2020-01-01T10:00:00", "2020-01-05T12:00:00Z", -1),
    ("2020-01-01", "2020-01-01T12:00:00Z", None),
    ("2020-01-02", "2020-01-01T12:00:00Z", 1),
]


@pytest.mark.parametrize(("left", "right", "expected"), ORDER)
def test_order(left: str, right: str, expected: int | None) -> None:
    a, b = of("dateTime", left), of("dateTime", right)
    assert compare(a, b) == expected
    assert compare(b, a) == (None if expected is None else -expected)


SUMS = [
    ("date", "2020-01-31", 1, "month", "2020-02-29"),
    ("date", "2020-02-29", -1, "year", "2019-02-28"),
    ("date", "2020-01-01", 25, "hour", "2020-01-02"),
    ("date", "2020", 13, "month", "2021"),
    ("date", "2020-05", 40, "day", "2020-06"),
    ("dateTime", "2020-01-01T23:59:59Z", 1, "second", "2020-01-02T00:00:00Z"),
    ("dateTime", "2020-01-01T00:00:00.000Z", -1, "millisecond", "2019-12-31T23:59:59.999Z"),
    ("time", "23:30", 45, "minute", "00:15"),
    ("time", "00:15:00", -30, "minute", "23:45:00"),
]


@pytest.mark.parametrize(("kind", "text", "amount", "unit", "expected"), SUMS)
def test_sums(kind: str, text: str, amount: int, unit: str, expected: str) -> None:
    assert str(add(of(kind, text), amount, unit)) == expected


def test_beyond_the_calendar() -> None:
    assert add(of("date", "9999-12-31"), 1, "day") is None
    assert add(of("date", "0001-01-01"), -1, "month") is None


@given(st.dates(), st.integers(-2000, 2000))
def test_days_as_the_calendar_counts_them(start: date, days: int) -> None:
    value = add(of("date", start.isoformat()), days, "day")
    try:
        expected = (start + timedelta(days=days)).isoformat()
    except OverflowError:
        assert value is None
    else:
        assert str(value) == expected


@given(st.datetimes(), st.datetimes())
def test_order_of_moments(left: datetime, right: datetime) -> None:
    a, b = (of("dateTime", moment.isoformat(timespec="microseconds") + "Z") for moment in (left, right))
    assert compare(a, b) == (left > right) - (left < right)
