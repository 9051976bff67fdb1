"""The calendar of sets: when they are looked for, what is made up for, when somebody is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from batch.schedule import PLAN, Due, Known, due

ZONE = "America/Sao_Paulo"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("flow", "now", "fired"),
    [
        ("B-1", "2026-03-10T03:29", "2026-03-09T03:30"),
        ("B-1", "2026-03-10T03:30", "2026-03-10T03:30"),
        ("B-2", "2026-03-10T12:00", "2026-03-07T02:00"),
        ("B-3", "2026-03-10T12:00", "2026-03-01T04:00"),
        ("B-4", "2026-03-10T12:00", "2026-01-04T02:00"),
        ("B-4", "2026-04-05T02:00", "2026-04-05T02:00"),
    ],
)
def test_when_a_set_should_have_been_there(flow: str, now: str, fired: str) -> None:
    assert PLAN[flow].last(at(now), ZONE) == at(fired)


@pytest.mark.parametrize(
    ("now", "looked", "arrived", "alarmed", "expected"),
    [
        # It is looked for when it should be there, and again until it is.
        ("2026-03-10T03:31", "2026-03-09T03:40", "2026-03-09T03:40", None, Due(True, False)),
        ("2026-03-10T03:35", "2026-03-10T03:31", "2026-03-09T03:40", None, Due(False, False)),
        ("2026-03-10T03:41", "2026-03-10T03:31", "2026-03-09T03:40", None, Due(True, False)),
        ("2026-03-10T04:00", "2026-03-10T03:41", "2026-03-10T03:41", None, Due(False, False)),
        # It is late: somebody is told once, and it is looked for less often.
        ("2026-03-10T05:00", "2026-03-10T04:55", "2026-03-09T03:40", None, Due(False, True)),
        ("2026-03-10T05:10", "2026-03-10T04:55", "2026-03-09T03:40", "2026-03-10T05:00", Due(False, False)),
        ("2026-03-10T05:55", "2026-03-10T04:55", "2026-03-09T03:40", "2026-03-10T05:00", Due(True, False)),
        # Nobody was there for three days: it is made up for, and what is late is told.
        ("2026-03-10T12:00", "2026-03-07T03:31", "2026-03-07T03:31", None, Due(True, True)),
        ("2026-03-10T12:00", None, None, None, Due(True, True)),
    ],
)
def test_what_is_due(now: str, looked: str | None, arrived: str | None, alarmed: str | None, expected: Due) -> None:
    known = Known(*(None if one is None else at(one) for one in (looked, arrived, alarmed)))
    assert due(PLAN["B-1"], known, at(now), ZONE) == expected


def test_no_day_is_missed() -> None:
    """Each day is looked for once, where its set comes at once; summer time or not."""
    known, looks = Known(at("2018-10-15T00:00"), at("2018-10-15T00:00")), 0
    now = at("2018-10-15T00:01")
    while now < at("2018-12-15T00:00"):
        if due(PLAN["B-1"], known, now, ZONE).look:
            looks += 1
            known = Known(now, now)
        now += timedelta(minutes=30)
    assert looks == 61
