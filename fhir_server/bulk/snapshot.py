"""One consistent view of the record, read a few rows at a time in constant memory, and the instant it is good for.

https://hl7.org/fhir/uv/bulkdata/export.html#response---complete-status (transactionTime)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from fhir_server.statement import Statement

APPLICATION = "hub-bulk"
BATCH, BATCH_BYTES = 2000, 2**22
"""Rows handed on together, and bytes, whichever is reached first."""
CHUNK = 8
"""Rows that are taken from the database at once, each of them up to the largest body."""
LAG = 10_000_000
"""Microseconds: a write is given its instant before its transaction begins, no longer than this before."""

_RUNNING = """
select coalesce((extract(epoch from min(xact_start)) * 1000000)::bigint, $1::bigint) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
  and application_name <> $2"""


class Snapshot:
    """A transaction that sees the record as it was at its first statement."""

    def __init__(self, connection: psycopg.Connection[Any], transaction_time: int) -> None:
        self._connection = connection
        self.transaction_time = transaction_time
        """Microseconds since 1970: everything changed up to then is in the snapshot."""

    def rows(self, statement: Statement) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, some at a time, at most about `BATCH_BYTES` of them: memory stays the same however long they are.

        One statement at a time: all of its rows have to be taken before the next.
        """
        found: list[tuple[Any, ...]] = []
        size = 0
        with psycopg.RawCursor(self._connection) as cursor:
            for row in cursor.stream(statement.text.encode(), _texts(statement), binary=True, size=CHUNK):
                found.append(row)
                size += sum(len(value) for value in row if isinstance(value, bytes))
                if len(found) == BATCH or size >= BATCH_BYTES:
                    yield found
                    found, size = [], 0
        if found:
            yield found

    def all(self, statement: Statement) -> list[tuple[Any, ...]]:
        """All rows of a statement that has few."""
        return [row for rows in self.rows(statement) for row in rows]


@contextmanager
def snapshot(conninfo: str, now: int) -> Iterator[Snapshot]:
    """A snapshot taken now (microseconds).

    Writers that are under way may still commit what bears an earlier instant and will not be in it. So transaction_time
    is before the oldest of them began: an export of what changed since then misses nothing.
    """
    with psycopg.connect(conninfo, application_name=APPLICATION, autocommit=True) as connection:
        connection.execute("set default_transaction_isolation = 'repeatable read'")
        connection.execute("set default_transaction_read_only = on")
        connection.execute("set jit = off")
        with psycopg.RawCursor(connection) as cursor:
            found = cursor.execute(_RUNNING.encode(), [str(now), APPLICATION]).fetchone()
        assert found is not None
        with connection.transaction():
            yield Snapshot(connection, min(now, found[0]) - LAG)


def _texts(statement: Statement) -> list[str | None]:
    return [None if value is None else value.decode() for value in statement.parameters]
