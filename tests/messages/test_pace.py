"""The pace of what is sent: bursts, shares, many at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from messages.pace import Rate, forget, take
from messages.store import Rows

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLACE, PAIR = Rate(1 / 80, 80), Rate(6, 3)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def sent(rows: Rows, seconds: float, who: str = "ana", *, urgent: bool = False) -> tuple[bool, float]:
    counted, wait = take(rows, ("line", PLACE), (f"line:{who}", PAIR), after(seconds), urgent=urgent)
    return counted, round(wait, 3)


def test_three_at_once_then_one_each_six_seconds(connection: Rows) -> None:
    assert [sent(connection, 0) for _ in range(4)] == [(True, 0), (True, 0), (True, 0), (False, 6)]
    assert sent(connection, 5) == (False, 1)
    assert sent(connection, 6) == (True, 0)
    assert sent(connection, 6) == (False, 6)
    assert sent(connection, 6, "bia") == (True, 0)
    assert [sent(connection, 60) for _ in range(4)] == [(True, 0), (True, 0), (True, 0), (False, 6)]


def test_eighty_a_second_from_a_place(connection: Rows) -> None:
    waits = [sent(connection, 0, f"person {number}")[1] for number in range(120)]
    assert waits[:80] == [0] * 80
    assert waits[80:] == pytest.approx([(number + 1) / 80 for number in range(40)], abs=0.002)


def test_what_is_urgent_leaves_at_once_and_is_counted(connection: Rows) -> None:
    for number in range(100):
        sent(connection, 0, f"person {number}")
    assert [sent(connection, 0, "ana", urgent=True) for _ in range(5)] == [(True, 0)] * 5
    assert sent(connection, 0) == (False, 18)


def test_nobody_is_counted_twice_or_not_at_all(database: str) -> None:
    def one(_: int) -> bool:
        with psycopg.connect(database, autocommit=True) as rows:
            return sent(rows, 0)[0]

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(16))) == 3


def test_what_is_long_ago_is_forgotten(connection: Rows) -> None:
    sent(connection, 0)
    assert forget(connection, after(3000)) == 0
    assert forget(connection, after(3700)) == 2
