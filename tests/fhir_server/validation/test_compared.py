"""Order of dates of unlike precision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.validation.compared import not_above


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024", "2024", True),
        ("2025", "2024", False),
        ("2024-05-03", "2024-05", True),
        ("2024-06-03", "2024-05", False),
        ("2024-05", "2024-05-03", True),
        ("2024-05-03T10:00:00Z", "2024-05-03", True),
        ("2024-05-05T10:00:00Z", "2024-05-03", False),
        ("2024-05-03T10:00:00+02:00", "2024-05-03T08:00:00Z", True),
        ("2024-05-03T10:00:00-02:00", "2024-05-03T08:00:00Z", False),
        ("2024-05-03T10:00:00.5Z", "2024-05-03T10:00:00Z", True),  # to the second they are the same
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", True),
        ("9999-12-31", "9999-12", True),
        ("0001", "0001-01-01", True),
        ("0001-01-01T00:00:00+14:00", "0001", True),
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", False),
    ],
)
def test_order(start: str, end: str, expected: bool) -> None:
    assert not_above(start, end) is expected


@given(st.datetimes(), st.datetimes(), st.sampled_from([4, 7, 10]), st.sampled_from([4, 7, 10]))
def test_never_wrong_about_true_order(one: datetime, other: datetime, first: int, second: int) -> None:
    low, high = sorted((one, other))
    assert not_above(low.isoformat()[:first], high.isoformat()[:second])


@given(st.datetimes(min_value=datetime(1, 1, 5), max_value=datetime(9999, 12, 1)), st.integers(2, 10**6))
def test_sees_wrong_order(moment: datetime, seconds: int) -> None:
    later = (moment.replace(tzinfo=UTC, microsecond=0) + timedelta(seconds=min(seconds, 10**6))).isoformat()
    earlier = moment.replace(tzinfo=UTC, microsecond=0).isoformat().replace("+00:00", "Z")
    assert not not_above(later, earlier)
    assert not_above(earlier, later)
