"""HTTP dates and FHIR periods against tables and against `datetime`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.instant import SECOND, http_date, parse_http_date, period


def at(*fields: int) -> int:
    return round(datetime(*fields, tzinfo=UTC).timestamp()) * SECOND


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))
def test_http_date_is_what_the_standard_library_writes(moment: datetime) -> None:
    seconds = int(moment.timestamp())
    assert http_date(seconds) == format_datetime(moment.replace(microsecond=0), usegmt=True)
    assert parse_http_date(http_date(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_all_three_forms_of_an_http_date_are_read(text: str) -> None:
    assert parse_http_date(text) == 784111777


@pytest.mark.parametrize("text", ["", "yesterday", "2024-01-01", "Sun, 06 Foo 1994 08:49:37 GMT"])
def test_what_is_no_http_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_http_date(text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", at(2024, 1, 1), at(2025, 1, 1)),
        ("2024-02", at(2024, 2, 1), at(2024, 3, 1)),
        ("2024-12-31", at(2024, 12, 31), at(2025, 1, 1)),
        ("2024-02-29T10:11", at(2024, 2, 29, 10, 11), at(2024, 2, 29, 10, 12)),
        ("2024-02-29T10:11:12Z", at(2024, 2, 29, 10, 11, 12), at(2024, 2, 29, 10, 11, 13)),
        ("2024-02-29T10:11:12.5Z", at(2024, 2, 29, 10, 11, 12) + 500_000, at(2024, 2, 29, 10, 11, 12) + 600_000),
        ("2024-02-29T10:11:12-03:00", at(2024, 2, 29, 13, 11, 12), at(2024, 2, 29, 13, 11, 13)),
        ("2024-02-29T10:11:12 02:00", at(2024, 2, 29, 8, 11, 12), at(2024, 2, 29, 8, 11, 13)),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1), at(2017, 1, 1, 0, 0, 1)),
        ("9999", at(9999, 1, 1), at(9999, 12, 31) + 86400 * SECOND),
    ],
)
def test_periods(text: str, low: int, high: int) -> None:
    assert period(text) == (low, high)


@pytest.mark.parametrize(
    "text", ["", "24", "2024-13", "2023-02-29", "2024-1-1", "2024-01-01T25:00", "2024-01-01T10:00:00+19:00", "x"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        period(text)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
def test_a_period_of_microseconds_is_one_microsecond(moment: datetime) -> None:
    low, high = period(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert high - low == 1
    assert low == round((moment - datetime(1970, 1, 1)).total_seconds() * 1e6) or abs(moment.year - 1970) > 100


@given(st.text(max_size=30))
def test_any_text_is_a_period_or_a_value_error(text: str) -> None:
    try:
        low, high = period(text)
    except ValueError:
        return
    assert low < high
