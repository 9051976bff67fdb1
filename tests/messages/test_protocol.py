"""Numbers of protocols."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from messages.protocol import TooMany, number
from messages.store import Rows

DAY = date(2026, 3, 10)


def test_each_once_and_anew_each_day(database: str, connection: Rows) -> None:
    def draw(_: int) -> list[str]:
        with psycopg.connect(database, autocommit=True) as own:
            return [number(own, "999997", DAY) for _ in range(50)]

    with ThreadPoolExecutor(8) as threads:
        found = [one for of in threads.map(draw, range(8)) for one in of]
    assert len(set(found)) == 400
    assert {one[:14] for one in found} == {"99999720260310"}
    assert all(len(one) == 20 for one in found)
    assert min(found) == "99999720260310000001"
    assert number(connection, "999997", date(2026, 3, 11)) == "99999720260311000001"


def test_there_is_an_end(connection: Rows) -> None:
    number(connection, "999997", DAY)
    connection.execute("select setval('messages.protocol', 1000000)")
    with pytest.raises(TooMany):
        number(connection, "999997", DAY)
