"""Budgets of the language model are shared by all who ask, and never exceeded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg

from messages.model_calls import reserve

DAY = date(2026, 11, 28)


def test_each_budget_ends_at_its_own_number(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as rows:
        taken = [reserve(rows, DAY, "ana", own=2, everybody=4) for _ in range(3)]
        assert taken == [None, None, "member"]
        assert [reserve(rows, DAY, one, own=2, everybody=4) for one in ("bia", "caio", "dora")] == [None, None, "day"]
        assert reserve(rows, date(2026, 11, 29), "ana", own=2, everybody=4) is None
        assert reserve(rows, DAY, "eva", own=0, everybody=4) == "member"


def test_many_who_ask_at_once_take_no_more_than_there_is(database: str) -> None:
    day = date(2026, 12, 1)

    def take(number: int) -> str | None:
        with psycopg.connect(database, autocommit=True) as rows:
            return reserve(rows, day, f"m{number % 8}", own=5, everybody=20)

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(take, range(60)))
    assert taken.count(None) == 20
