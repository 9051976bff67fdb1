"""Local times and instants, also where daylight saving time began and ended."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import MappingError
from mappings.tasy.times import instant, local

SAO_PAULO = "America/Sao_Paulo"


@pytest.mark.parametrize(
    ("written", "zone", "found"),
    [
        ("2026-03-10T14:20:00", SAO_PAULO, "2026-03-10T14:20:00-03:00"),
        ("2017-12-01T10:00:00", SAO_PAULO, "2017-12-01T10:00:00-02:00"),  # daylight saving time
        ("2017-10-15T00:30:00", SAO_PAULO, "2017-10-15T00:30:00-03:00"),  # an hour that was skipped
        ("2018-02-17T23:30:00", SAO_PAULO, "2018-02-17T23:30:00-02:00"),  # an hour that came twice: the first
        ("2026-03-10T14:20:00", "America/Manaus", "2026-03-10T14:20:00-04:00"),
    ],
)
def test_instant(written: str, zone: str, found: str) -> None:
    assert instant(datetime.fromisoformat(written), zone) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-03-10", "2026-03-10T00:00:00"),
        ("2026-03-10T17:20:00Z", "2026-03-10T14:20:00"),
        ("2026-03-10T14:20:00.123-03:00", "2026-03-10T14:20:00"),
        ("2017-12-01T12:00:00Z", "2017-12-01T10:00:00"),
    ],
)
def test_local(value: str, found: str) -> None:
    assert local(value, SAO_PAULO, "created") == found


@pytest.mark.parametrize("value", ["2026", "2026-03", "2026-02-30", "2026-03-10T14:20:00", "yesterday at 3"])
def test_no_moment(value: str) -> None:
    with pytest.raises(MappingError, match=r"^created: "):
        local(value, SAO_PAULO, "created")


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda one: one.replace(microsecond=0)))
def test_back_again(moment: datetime) -> None:
    """Whatever hour exists comes back as it was; a skipped one comes back an hour later, as clocks showed it."""
    again = datetime.fromisoformat(local(instant(moment, SAO_PAULO), SAO_PAULO, "x"))
    assert again == moment or (again - moment).total_seconds() == 3600
