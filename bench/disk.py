"""Bytes on disk per resource, table by table. https://www.postgresql.org/docs/current/functions-admin.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

_SIZES = """
select c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid), c.reltuples::bigint
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'm')
order by pg_total_relation_size(c.oid) desc
"""


@dataclass(frozen=True)
class TableSize:
    """One table."""

    name: str
    heap: int
    """Bytes of rows, TOAST included."""
    indexes: int
    rows: int

    @property
    def total(self) -> int:
        return self.heap + self.indexes


@dataclass(frozen=True)
class Disk:
    """The whole record."""

    resources: int
    tables: tuple[TableSize, ...]
    body: int
    """Bytes of the stored bodies."""

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Disk:
        """From its JSON form."""
        return cls(figures["resources"], tuple(TableSize(**table) for table in figures["tables"]), figures["body"])

    @property
    def total(self) -> int:
        return sum(table.total for table in self.tables)

    @property
    def per_resource(self) -> float:
        return self.total / max(self.resources, 1)


def tidy(url: str) -> None:
    """What autovacuum will have done a little later: dead rows gone, statistics fresh, visibility maps set."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")


def disk(url: str) -> Disk:
    """Sizes as PostgreSQL tells them."""
    with psycopg.connect(url) as connection:
        tables = tuple(TableSize(*row) for row in connection.execute(_SIZES))
        row = connection.execute(
            "select count(*), coalesce(sum(length(body)), 0)::bigint from resource where body is not null"
        ).fetchone()
    assert row is not None
    return Disk(row[0], tables, row[1])
