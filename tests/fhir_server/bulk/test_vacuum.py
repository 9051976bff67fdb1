"""While an import fills the tables autovacuum keeps away from them, for a while, and nobody else has to."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

import psycopg
import pytest

from fhir_server.bulk import vacuum
from fhir_server.bulk.vacuum import left_alone, vacuum_all
from tests.fhir_server.bulk.conftest import Bulk

# Autovacuum skips what it cannot lock; so does this.
VISIT = "lock table token in share update exclusive mode nowait"


async def test_tables_are_left_alone_until_the_import_is_done(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "_PATIENCE", "50ms")
    with psycopg.connect(bulk.url) as other:
        with closing(left_alone(bulk.url)), pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(VISIT)
        other.rollback()
        with closing(left_alone(bulk.url)), closing(left_alone(bulk.url)):
            other.execute("insert into token select * from token limit 1")  # reads and writes go on, imports too
            other.rollback()
    await visited(bulk)
    vacuum_all(bulk.url, 2)
    with psycopg.connect(bulk.url, autocommit=True) as other:
        never = "select relname from pg_stat_user_tables where last_vacuum is null and schemaname = 'public'"
        assert other.execute(never).fetchall() == []


async def test_a_long_import_lets_autovacuum_in_again(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "ALONE_SECONDS", 1)
    with closing(left_alone(bulk.url)):
        await visited(bulk)


async def visited(bulk: Bulk) -> None:
    """Returns when autovacuum could visit: the server lets go of a lock some time after its connection was closed."""
    until = time.monotonic() + 30
    with psycopg.connect(bulk.url, autocommit=True) as other:
        while True:
            try:
                with other.transaction():
                    other.execute(VISIT)
                return
            except psycopg.errors.LockNotAvailable:
                assert time.monotonic() < until
                await asyncio.sleep(0.1)
