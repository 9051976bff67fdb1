"""Counts of messages: added together, whoever counts at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg

from messages.tally import add, listed

SENT, FAILED = ("1", "", "sent", ""), ("1", "t", "failed", "131026")


def test_counts_add_up(database: str) -> None:
    def one(number: int) -> None:
        with psycopg.connect(database, autocommit=True) as rows:
            add(rows, {SENT: 2, FAILED: 1} if number % 2 else {FAILED: 1, SENT: 2})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(12)))
    with psycopg.connect(database, autocommit=True) as rows:
        add(rows, {})
        assert listed(rows) == {SENT: 24, FAILED: 12}
