"""Connections: batches are whole or nothing, errors stay with their batch, a lost connection says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from fhir_server.postgres import Connection, ConnectionLost, DatabaseError, Pool
from fhir_server.statement import Parameters, Statement


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = Pool(database, 2)
    yield pool
    pool.close()


async def test_a_batch_is_one_transaction(pool: Pool) -> None:
    await pool.run([Statement("create table t (n integer primary key)")])
    with pytest.raises(DatabaseError) as caught:
        await pool.run([Statement("insert into t values (1)"), Statement("insert into t values (1)")])
    assert caught.value.sqlstate == "23505"
    assert await pool.run([Statement("select n from t")]) == [[]]


async def test_an_error_stays_with_its_batch(pool: Pool) -> None:
    good, bad, late = await asyncio.gather(
        pool.run([Statement("select 1")]),
        pool.run([Statement("select nothing")]),
        pool.run([Statement("select 2"), Statement("select 3")]),
        return_exceptions=True,
    )
    assert good == [[(b"\0\0\0\1",)]]
    assert isinstance(bad, DatabaseError)
    assert late == [[(b"\0\0\0\2",)], [(b"\0\0\0\3",)]]
    for _ in range(3):  # a statement that could not be prepared is not taken for prepared
        with pytest.raises(DatabaseError):
            await pool.run([Statement("select nothing")])


async def test_what_another_could_not_prepare_is_prepared_again(database: str) -> None:
    """Two wait on one connection with the same text; the first is given up while it is being prepared."""
    pool = Pool(database, 1)
    await pool.run([Statement("create table t (n integer primary key)")])
    with psycopg.connect(database) as blocker, psycopg.connect(database, autocommit=True) as other:
        blocker.execute("lock table t")
        first, second = (asyncio.create_task(pool.run([Statement("select n from t")])) for _ in range(2))
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while (found := other.execute(waiting).fetchone()) is None:  # noqa: ASYNC110 - the database does not tell
            await asyncio.sleep(0.01)
        other.execute("select pg_cancel_backend(%s)", found)
        with pytest.raises(DatabaseError) as caught:
            await first
        assert caught.value.sqlstate == "57014"
        blocker.rollback()
        assert await second == [[]]
    pool.close()


async def test_more_statements_than_are_kept_prepared(pool: Pool) -> None:
    for number in [*range(900), *range(900)]:
        [[(value,)]] = await pool.run([Statement(f"select {number}")])
        assert int.from_bytes(value, "big") == number


async def test_large_parameters_and_answers(pool: Pool) -> None:
    parameters = Parameters()
    text = parameters.add("x" * 30_000_000, "text")
    answers = await asyncio.gather(*[pool.run([parameters.statement(f"select {text}")]) for _ in range(3)])
    assert all(len(rows[0][0]) == 30_000_000 for [rows] in answers)


async def test_reserved_connections_are_alone_and_come_back(pool: Pool) -> None:
    inside = 0

    async def use() -> None:
        nonlocal inside
        async with pool.reserve() as connection:
            inside += 1
            assert inside <= 2
            await connection.send([Statement("select pg_sleep(0.01)")])
            inside -= 1

    await asyncio.gather(*[use() for _ in range(20)])


async def test_a_lost_connection_is_told_and_replaced(pool: Pool, database: str) -> None:
    waiting = asyncio.create_task(pool.run([Statement("select pg_sleep(60)")]))
    await asyncio.sleep(0.2)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like '%sleep(60)%'"
                      " and pid <> pg_backend_pid()")  # fmt: skip
    with pytest.raises((ConnectionLost, DatabaseError)):
        await waiting
    for _ in range(4):
        assert await pool.run([Statement("select 1")]) == [[(b"\0\0\0\1",)]]


async def test_no_server_is_told_with_its_reason() -> None:
    with pytest.raises(ConnectionLost):
        await Pool("host=/nonexistent dbname=x", 1).run([Statement("select 1")])


async def test_what_nobody_waits_for_is_given_up(pool: Pool, database: str) -> None:
    async def sleepers() -> int:
        with psycopg.connect(database) as other:
            [(count,)] = other.execute(
                "select count(*) from pg_stat_activity where query like '%sleep(50)%' and state = 'active'"
                " and pid <> pg_backend_pid()"
            ).fetchall()
        return int(count)

    async def in_transaction() -> None:
        async with pool.reserve() as connection:
            await connection.send([Statement("select pg_sleep(50)")])

    tasks = [asyncio.create_task(pool.run([Statement("select pg_sleep(50)")])), asyncio.create_task(in_transaction())]
    while await sleepers() < 2:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    while await sleepers():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    answers = await asyncio.gather(*[pool.run([Statement("select 1")]) for _ in range(20)])
    assert answers == [[[(b"\0\0\0\1",)]]] * 20


async def test_a_transaction_that_failed_is_rolled_back_and_nothing_is_given_up(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request to give up what is under way would be one to give up the rollback."""
    pool = Pool(database, 1)
    given_up: list[Connection] = []
    monkeypatch.setattr(Connection, "interrupt", lambda self: given_up.append(self))

    async def fails() -> None:
        async with pool.reserve() as connection:
            try:
                await connection.send([Statement("begin"), Statement("select 1 / 0")])
            finally:
                connection.roll_back()

    for _ in range(20):
        with pytest.raises(DatabaseError):
            await fails()
    assert await pool.run([Statement("begin"), Statement("select 1"), Statement("commit")])
    assert given_up == []
    pool.close()


async def test_whoever_is_next_finds_no_transaction_of_whoever_left(database: str) -> None:
    """Also where the rollback came to nothing, since what was to be given up was over and it was given up instead."""
    pool = Pool(database, 1)

    async def leaves() -> None:
        async with pool.reserve() as connection:
            await connection.send([Statement("begin"), Statement("select pg_sleep(50)")])

    left = asyncio.create_task(leaves())
    await asyncio.sleep(0.1)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    assert await pool.run([Statement("begin"), Statement("select 1"), Statement("commit")])
    pool.close()
