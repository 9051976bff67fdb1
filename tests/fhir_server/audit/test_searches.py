"""Searches that wait at the same moment share a round trip and a commit; each has its own answer, event and failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from struct import unpack

import psycopg
import pytest

from fhir_server.audit.searches import Searches
from fhir_server.audit.trail import Trail
from fhir_server.postgres import ConnectionLost, DatabaseError, Row
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.audit.conftest import stored

PROBED = "select n::bigint from generate_series(1, ($1::bigint[])[1]) n"
FAILS = Statement("select (1 / 0)::bigint")
PATIENCE = 2.0


def counting(number: int) -> Statement:
    """A statement that finds 1 to number."""
    return Statement(PROBED, (b"{%d}" % number,))


def shows(rows: list[Row]) -> tuple[int, ...]:
    """All but the last one."""
    return tuple(unpack(">q", rid)[0] for (rid,) in rows[:-1])


class Counted:
    """Runs statements in the store, and counts round trips and commits."""

    def __init__(self, store: ResourceStore) -> None:
        self._store, self.reads, self.commits = store, 0, 0
        self.searches = Searches(self._read, self._commit)

    async def _read(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self.reads += 1
        return await self._store._probing.run(statements)

    async def _commit(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self.commits += 1
        return await self._store._points.run(statements)

    async def search(self, number: int, statement: Statement | None = None) -> tuple[Trail, int]:
        trail = Trail(number, "search-type", "Patient", UNRESTRICTED, "127.0.0.1", "", ("Patient",), "")
        return trail, len(await self.searches.search(trail, statement or counting(number), shows))


@pytest.fixture
def counted(store: ResourceStore) -> Counted:
    return Counted(store)


async def test_they_share_a_round_trip_and_a_commit(counted: Counted, database: str) -> None:
    answers = await asyncio.gather(*(counted.search(number) for number in (3, 1, 7, 3)))
    assert [(len(trail.seen), trail.stored, rows) for trail, rows in answers] == [
        (0, True, 3), (0, True, 1), (0, True, 7), (0, True, 3),
    ]  # fmt: skip
    assert (counted.reads, counted.commits) == (1, 1)
    [events] = stored(database)
    assert [(event.at, event.status, event.seen) for event in events] == [
        (3, 200, (1, 2)), (1, 200, ()), (7, 200, (1, 2, 3, 4, 5, 6)), (3, 200, (1, 2)),
    ]  # fmt: skip


async def test_a_lone_one_waits_for_nobody_and_a_crowd_for_its_company(counted: Counted, database: str) -> None:
    for number in (1, 2, 3):
        await counted.search(number)
    assert counted.commits == 3

    async def client(first: int) -> None:
        for number in range(first, first + 3):
            await counted.search(number)

    await asyncio.gather(*(client(number) for number in range(8, 38)))
    assert sum(map(len, stored(database))) == 93
    assert counted.reads == counted.commits <= 9  # never all of them one by one: here groups of 30


async def test_one_that_fails_fails_for_itself(counted: Counted, database: str) -> None:
    asked = (counting(2), FAILS, counting(3), FAILS)
    answers = await asyncio.gather(
        *(counted.search(number, one) for number, one in enumerate(asked)), return_exceptions=True
    )
    assert [isinstance(one, DatabaseError) for one in answers] == [False, True, False, True]
    assert sorted(event.at for events in stored(database) for event in events) == [0, 2]


async def test_what_is_not_committed_is_not_answered(counted: Counted, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("alter table audit_intake add check (events < 0) not valid")
    answers = await asyncio.gather(*(counted.search(number) for number in (1, 2)), return_exceptions=True)
    assert [type(one) for one in answers] == [DatabaseError] * 2
    with psycopg.connect(database) as connection:
        connection.execute("alter table audit_intake drop constraint audit_intake_events_check")
    assert (await counted.search(3))[0].stored
    assert [len(events) for events in stored(database)] == [1]


async def test_what_went_wrong_between_is_told_to_each(counted: Counted, database: str) -> None:
    async def lost(statements: Sequence[Statement]) -> list[list[Row]]:
        raise ConnectionLost("closed")

    searches = Searches(lost, counted._commit)
    trails = [Trail(n, "search-type", "", UNRESTRICTED, "", "", (), "") for n in range(3)]
    answers = await asyncio.gather(
        *(searches.search(one, counting(1), shows) for one in trails), return_exceptions=True
    )
    assert [type(one) for one in answers] == [ConnectionLost] * 3
    assert not any(one.stored for one in trails)
    assert stored(database) == []


async def test_who_left_before_it_was_read_was_shown_nothing(counted: Counted, database: str) -> None:
    left = asyncio.create_task(counted.search(5))
    stays = asyncio.create_task(counted.search(6))
    await asyncio.sleep(0)
    left.cancel()
    await stays
    assert [event.at for events in stored(database) for event in events] == [6]


async def test_slow_ones_do_not_hold_up_those_that_come_later(counted: Counted, database: str) -> None:
    held = asyncio.Event()

    async def read(statements: Sequence[Statement]) -> list[list[Row]]:
        if any(one.text.startswith("select 0") for one in statements):
            await held.wait()
        return await counted._read(statements)

    searches = Searches(read, counted._commit)

    async def search(statement: Statement) -> list[Row]:
        return await searches.search(
            Trail(1, "search-type", "", UNRESTRICTED, "", "", (), ""), statement, lambda rows: ()
        )

    slow = []
    for _ in range(4):
        slow.append(asyncio.create_task(search(Statement("select 0::bigint"))))
        await asyncio.sleep(0.03)
    async with asyncio.timeout(PATIENCE):
        assert len(await search(counting(3))) == 3
    assert not any(one.done() for one in slow)
    held.set()
    await asyncio.gather(*slow)
    assert sum(map(len, stored(database))) == 5


async def test_what_nobody_waits_for_any_more_is_given_up(counted: Counted, database: str) -> None:
    slow = Statement("select 1::bigint from pg_sleep(60)")
    both = [asyncio.create_task(counted.search(number, slow)) for number in (1, 2)]
    running = (
        "select count(*) from pg_stat_activity where query like '%pg_sleep(60)' and state = 'active'"
        " and datname = current_database() and pid <> pg_backend_pid()"
    )
    with psycopg.connect(database, autocommit=True) as connection:

        async def until(number: int) -> None:
            async with asyncio.timeout(10):
                while connection.execute(running.encode()).fetchone() != (number,):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)

        await until(1)
        both[0].cancel()
        await asyncio.sleep(0.1)
        await until(1)  # the other one still waits
        both[1].cancel()
        await until(0)
    assert (await counted.search(3))[1] == 3
    assert [event.at for events in stored(database) for event in events] == [3]
