"""Brings the table `full_text` up to date: takes what is due, after the commit that made it so, in a process apart.

Rows of `full_text_due` and `full_text` change in one transaction, so a process that dies leaves nothing undone and
nothing done twice. One works at a time, by an advisory lock. Synchronous.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import psycopg

from fhir_server.compression import masked
from fhir_server.full_text.texts import content, narrative
from fhir_server.full_text.words import document

LOCK = 4_611_686_018_427_387_849
"""Advisory lock of whoever indexes, one for each database."""
BATCH = 200

_TAKE = """
delete from full_text_due where sequence = any(array(select sequence from full_text_due order by sequence limit %s))
returning rid"""
_READ = """
select r.rid, r.type_id, r.version, r.body from resource r left join full_text f on f.rid = r.rid
where r.rid = any(%s) and r.body is not null and f.version is distinct from r.version"""
_GONE = """
delete from full_text f where rid = any(%s)
and not exists (select from resource r where r.rid = f.rid and r.body is not null)"""
_WRITE = """
insert into full_text (rid, version, narrative, content)
select u.rid, u.version, u.narrative::tsvector, u.content::tsvector
from unnest(%s::bigint[], %s::integer[], %s::text[], %s::text[]) u(rid, version, narrative, content)
on conflict (rid) do update set
  version = excluded.version, narrative = excluded.narrative, content = excluded.content"""


def index_anew(connection: psycopg.Connection[Any], types: Sequence[int]) -> int | None:
    """Indexes all resources of the types (numbers) once more, as `index_all`; until then they are due."""
    with connection.transaction():
        connection.execute(
            "insert into full_text_due (rid) select rid from resource where type_id = any(%s) and body is not null",
            [list(types)],
        )
        connection.execute(
            "delete from full_text f using resource r where r.rid = f.rid and r.type_id = any(%s)", [list(types)]
        )
    return index_all(connection)


def index_all(connection: psycopg.Connection[Any]) -> int | None:
    """Indexes until nothing is due; how many resources. None if somebody else is at it. `connection`: autocommit."""
    if not _value(connection, f"select pg_try_advisory_lock({LOCK})"):
        return None
    try:
        total = 0
        while done := index_some(connection):
            total += done
        return total
    finally:
        if not connection.closed:
            connection.execute(f"select pg_advisory_unlock({LOCK})")


def index_some(connection: psycopg.Connection[Any]) -> int:
    """Indexes some of what is due, in one transaction; how many rows of `full_text_due` that settled."""
    with connection.transaction():
        due = connection.execute(_TAKE, [BATCH]).fetchall()
        rids = sorted({rid for (rid,) in due})
        rows = connection.execute(_READ, [rids]).fetchall() if rids else []
        found = [_row(*row) for row in rows]
        if rids:
            connection.execute(_GONE, [rids])
        if found:
            connection.execute(_WRITE, [list(column) for column in zip(*found, strict=True)])
    return len(due)


def _row(rid: int, type_id: int, version: int, body: bytes) -> tuple[int, int, str | None, str]:
    """rid, version, narrative and content of a resource."""
    resource = orjson.loads(masked(body))
    shown = narrative(resource)
    return rid, version, document(type_id, [shown]) if shown else None, document(type_id, content(resource))


def _value(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    return None if row is None else row[0]
