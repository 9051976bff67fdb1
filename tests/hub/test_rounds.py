"""Rounds: what time makes due is looked for by one process at a time, again and again, whatever a look raises."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from pathlib import Path

import psycopg

from adapters.partner_errors import PartnerUnavailable
from hub.rounds import LOCK, Round, Work, rounds, run
from hub.settings import Settings


def marks(settings: Settings, url: str) -> Work:
    async def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "insert into looked (process, work) select pid, 'marks' from pg_locks where locktype = 'advisory'"
                " and granted and classid::bigint << 32 | objid::bigint = %s", [LOCK],
            )  # fmt: skip

    return look


def breaks(settings: Settings, url: str) -> Work:
    async def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("insert into looked (work) values ('breaks')")
        raise ZeroDivisionError

    return look


def is_away(settings: Settings, url: str) -> Work:
    async def look() -> None:
        raise PartnerUnavailable("it is away", 5)

    return look


FOUND = (Round("breaks", 0.05, breaks), Round("away", 0.05, is_away), Round("marks", 0.05, marks))


def test_without_a_channel_no_process_is_needed() -> None:
    assert not rounds(Settings())


@contextmanager
def processes(settings: Settings, url: str, count: int) -> Iterator[list[SpawnProcess]]:
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=run, args=(settings, url, FOUND)) for _ in range(count)]
    for one in started:
        one.start()
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.join()


def until(reached: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_of_two_one_works_and_the_other_takes_over(database: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table looked (process int, work text)")

        def workers() -> list[int]:
            found = connection.execute("select distinct process from looked where work = 'marks'").fetchall()
            return [row[0] for row in found]

        def times(work: str) -> int:
            row = connection.execute("select count(*) from looked where work = %s", [work]).fetchone()
            assert row
            return int(row[0])

        with processes(settings, database, 2) as started:
            until(lambda: times("marks") > 5 and times("breaks") > 5)
            first = workers()
            assert len(first) == 1
            connection.execute("select pg_terminate_backend(%s)", first)  # whoever had the lock notices
            until(lambda: len(workers()) == 2)
            for one in started:
                one.terminate()
            for one in started:
                one.join(20)
            assert [one.exitcode for one in started] == [0, 0]
