"""What has been loaded already: so that a second run goes on where the first one stopped, and loads nothing twice.

A run against the database keeps its journal in the database itself, so that the two are never at odds; a run against
the URL of a running hub keeps it in a file.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

_TABLE = """
create table if not exists {table} (
    target text not null, file_hash text not null, first bigint not null,
    state text not null, sent bigint not null, refused text not null,
    primary key (target, file_hash, first)
)"""
_FILE = 0
"""Number of the record of a file itself; its units count from 1."""
_SCHEMA_LOCK = 4_611_686_018_427_387_846


@dataclass(frozen=True, slots=True)
class Record:
    """What the journal knows of a unit."""

    done: bool
    """False: it was sent, and no answer was seen."""
    sent: int
    """When, in microseconds since 1970 UTC."""
    refused: tuple[int, ...]
    """Positions of the entries in it that were not stored."""


class Journal:
    """The journal of one target. Every change is durable when the call returns."""

    def __init__(self, connection: Any, table: str, mark: str, target: str) -> None:
        self._connection, self._table, self._mark, self._target = connection, table, mark, target

    @classmethod
    def of_database(cls, url: str) -> Journal:
        """In the database that is loaded."""
        connection = psycopg.connect(url, autocommit=True)
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
            connection.execute("create schema if not exists hub")
            connection.execute(_TABLE.format(table="hub.load_journal"))
        return cls(connection, "hub.load_journal", "%s", "")

    @classmethod
    def of_url(cls, folder: Path, url: str) -> Journal:
        """In a file in `folder`, for the server at `url`."""
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "load-journal.sqlite", timeout=60, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute(_TABLE.format(table="load_journal"))
        return cls(connection, "load_journal", "?", url)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def known(self, file_hash: str) -> dict[int, Record]:
        """Records of a file by the number of the unit."""
        rows = self._run(f"select first, state, sent, refused from {self._table} where target = ? and file_hash = ?",
                         self._target, file_hash)  # fmt: skip
        return {first: Record(state == "done", sent, tuple(json.loads(lines))) for first, state, sent, lines in rows}

    def sending(self, file_hash: str, first: int) -> None:
        """Notes that a unit is about to be sent."""
        self._put(file_hash, first, "sent", ())

    def done(self, file_hash: str, first: int, refused: Sequence[int] = ()) -> None:
        """Notes that a unit is stored, but for the entries at some positions."""
        self._put(file_hash, first, "done", refused)

    def finish(self, file_hash: str, entries: int) -> None:
        """Notes that nothing of a file is left to do."""
        self._put(file_hash, _FILE, "finished", [entries])

    def finished(self, file_hash: str) -> int | None:
        """Number of entries of a file of which nothing is left to do; None: something is."""
        rows = self._run(f"select refused from {self._table} where target = ? and file_hash = ? and first = {_FILE}",
                         self._target, file_hash)  # fmt: skip
        return int(json.loads(rows[0][0])[0]) if rows else None

    def forget(self, file_hash: str, first: int) -> None:
        """Notes that a unit was refused whole: another run tries it again."""
        self._run(f"delete from {self._table} where target = ? and file_hash = ? and first = ?",
                  self._target, file_hash, first)  # fmt: skip

    def _put(self, file_hash: str, first: int, state: str, refused: Sequence[int]) -> None:
        self._run(
            f"insert into {self._table} values (?, ?, ?, ?, ?, ?) on conflict (target, file_hash, first)"
            " do update set state = excluded.state, sent = excluded.sent, refused = excluded.refused",
            self._target, file_hash, first, state, time.time_ns() // 1000, json.dumps(sorted(refused)),
        )  # fmt: skip

    def _run(self, statement: str, *values: Any) -> list[Any]:
        cursor = self._connection.execute(statement.replace("?", self._mark), values)
        return list(cursor.fetchall()) if cursor.description else []
