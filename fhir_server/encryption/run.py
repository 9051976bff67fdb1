"""Brings what is stored to what settings say: bodies by the newest data key, rows with codes by the newest index key.

Others read and write meanwhile. It goes on where it was broken off, and ends only when a whole look found nothing more
to do. Synchronous; one at a time, by an advisory lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from fhir_server.compression import decompress, opened_rest, stored_form
from fhir_server.encryption import bodies, keys
from fhir_server.full_text.indexing import index_anew
from fhir_server.reindex.run import run_reindex
from fhir_server.resource_types import RESOURCE_TYPES

CHUNK = 500
PAUSE = 0.05
_LOOKS = 6
"""Each takes what others wrote as settings said before; a second one is to find nothing."""
CURRENT, PREVIOUS = "current", "previous"

Progress = Callable[[str, int, int], None]
"""What is done, how many of it, and of how many; 0: not known."""

_READ = {
    CURRENT: "select rid, version, type_id, body from resource"
    " where (rid, 0) > (%s, %s) and body is not null order by rid limit %s",
    PREVIOUS: "select rid, version, type_id, body from resource_version"
    " where (rid, version) > (%s, %s) and body is not null order by rid, version limit %s",
}
_WRITE = """
update {table} r set body = u.body from unnest(%s::bigint[], %s::integer[], %s::bytea[]) u(rid, version, body)
where r.rid = u.rid and r.version = u.version"""
_TABLES = {CURRENT: "resource", PREVIOUS: "resource_version"}
_NOTE = """
insert into encryption_run (part, goal, rid, version, looked_at, rewritten, before, complete, types)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (part) do update set goal = excluded.goal, rid = excluded.rid, version = excluded.version,
  looked_at = excluded.looked_at, rewritten = excluded.rewritten, before = excluded.before,
  complete = excluded.complete, types = excluded.types"""
_BEGUN = """
select rid, version, looked_at, rewritten, before, complete, types from encryption_run where part = %s and goal = %s"""
_UNDER_WAY = """
select 1 from pg_snapshot_xip(%s::pg_snapshot) x(id) where pg_xact_status(x.id) = 'in progress' limit 1"""
_SEALED = "body is not null and get_byte(substring(body from 1 for 1), 0) = 1"

_WORDS = "select 1 from full_text f join resource r on r.rid = f.rid where r.type_id = any(%s) limit 1"


class Unfinished(RuntimeError):
    """Others keep writing what should not be written any more; the text says what to do."""


@dataclass(slots=True)
class Look:
    """How far a look at all bodies of a part is."""

    rid: int = 0
    version: int = 0
    looked_at: int = 0
    rewritten: int = 0
    before: int = 0
    """Rewritten by looks before this one."""
    complete: bool = False
    """It was one at everything, and found nothing to rewrite."""
    types: frozenset[int] = frozenset()
    """Numbers of the types some of whose bodies were rewritten."""

    def note(self, part: str, goal: str) -> list[Any]:
        """As a row of the table."""
        return [
            part, goal, self.rid, self.version, self.looked_at, self.rewritten, self.before, self.complete,
            sorted(self.types),
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it."""

    looked_at: int
    rewritten: int
    types: tuple[str, ...]
    """Whose rows were compared and mended."""


def apply(conninfo: str, base: str, progress: Progress) -> Applied:
    """Encrypts what is stored, and decrypts what settings no longer name. Raises KeyMissing, Unfinished, FhirError."""
    with psycopg.connect(conninfo, autocommit=True, application_name="hub-encryption") as connection:
        connection.execute("select pg_advisory_lock(%s)", [keys.LOCK])
        ring = keys.read(connection)
        if ring is None:
            return Applied(0, 0, ())
        _settled(connection)
        looks = [_part(connection, ring, part, progress) for part in (CURRENT, PREVIOUS)]
        types: tuple[str, ...] = ()
        named_anew = not ring.systems == ring.ever == ring.indexed
        if named_anew or len(ring.index) > 1:
            sealed = connection.execute(f"select distinct type_id from resource where {_SEALED}").fetchall()
            numbers = sorted(frozenset(number for (number,) in sealed).union(*(look.types for look in looks)))
            types = tuple(RESOURCE_TYPES[number - 1] for number in numbers)
            if named_anew and connection.execute(_WORDS, [numbers]).fetchone():
                index_anew(connection, numbers)
        if types:
            run = "hub keys encryption " + orjson.dumps(_goal(ring)).decode()
            run_reindex(conninfo, base, run, {"types": list(types)}, lambda done, total: progress("rows", done, total))
        _finished(connection, ring)
        return Applied(sum(one.looked_at for one in looks), sum(one.before for one in looks), types)


def _goal(ring: keys.Ring) -> list[Any]:
    return [sorted(ring.systems), ring.newest, max(ring.index, default=0)]


def _settled(connection: psycopg.Connection[Any]) -> None:
    """Waits until all that is written by older keys is committed or undone: who begins now is held to the newest."""
    snapshot = connection.execute("select pg_current_snapshot()::text").fetchone()
    while connection.execute(_UNDER_WAY, snapshot).fetchone():
        time.sleep(PAUSE)


def _part(connection: psycopg.Connection[Any], ring: keys.Ring, part: str, progress: Progress) -> Look:
    """Looks at all bodies of a part until one whole look found nothing to rewrite; what the looks came to."""
    goal = orjson.dumps(_goal(ring)).decode()
    row = connection.execute(_BEGUN, [part, goal]).fetchone()
    look = Look()
    if row:
        look.rid, look.version, look.looked_at, look.rewritten, look.before, look.complete, types = row
        look.types = frozenset(types)
    for _ in range(_LOOKS):
        if look.complete:
            return look
        while _chunk(connection, ring, part, goal, look):
            progress(part, look.looked_at, 0)
        if look.rewritten:
            look = Look(before=look.before + look.rewritten, types=look.types)
        else:
            look.complete = True
            connection.execute(_NOTE, look.note(part, goal))
    raise Unfinished("some process writes as settings said before: restart every `hub serve`, then run this again")


def _chunk(connection: psycopg.Connection[Any], ring: keys.Ring, part: str, goal: str, look: Look) -> bool:
    """Rewrites what is to be rewritten of the next bodies, in one transaction; whether there were any."""
    with connection.transaction():
        rows = connection.execute(_READ[part], [look.rid, look.version, CHUNK]).fetchall()
        if not rows:
            return False
        new = [(rid, version, type_id, body) for rid, version, type_id, old in rows if (body := rewritten(old, ring))]
        done = 0
        if new:
            columns = [list(column) for column in zip(*((rid, v, body) for rid, v, _, body in new), strict=True)]
            done = connection.execute(_WRITE.format(table=_TABLES[part]).encode(), columns).rowcount
        look.rid, look.version = rows[-1][0], rows[-1][1]
        look.looked_at += len(rows)
        look.rewritten += done
        look.types |= {type_id for _, _, type_id, _ in new}
        connection.execute(_NOTE, look.note(part, goal))
    return True


def rewritten(stored: bytes, ring: keys.Ring) -> bytes | None:
    """The form in which a body should be stored; None if it is. Raises CannotOpen."""
    key = bodies.key_of(stored)
    body = decompress(stored)
    found = bodies.cut(body)
    if key is None:
        return None if found is None else stored_form(body)
    if key == ring.newest and found is not None and found[0] == opened_rest(stored):
        return None
    return stored_form(body)


def _finished(connection: psycopg.Connection[Any], ring: keys.Ring) -> None:
    """From now on nothing is asked for by value, or by an older code."""
    with connection.transaction():
        connection.execute("delete from encryption_system where system <> all(%s)", [sorted(ring.systems)])
        connection.execute("update encryption_system set indexed = true where system = any(%s)", [sorted(ring.systems)])
        connection.execute(
            "update encryption_key set retired = true where purpose = %s and id < %s",
            [keys.INDEX, max(ring.index, default=0)],
        )
        connection.execute("delete from encryption_run")


def status(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Keys, systems, and how many bodies each data key encrypts."""
    found = connection.execute("select id, purpose, wrapping, made, retired from encryption_key order by id").fetchall()
    count: dict[int, int] = {}
    for table in _TABLES.values():
        for key, bodies_of in connection.execute(
            f"select encode(substring(body from 2 for 4), 'hex'), count(*) from {table} where {_SEALED} group by 1"
        ).fetchall():
            id = int(key, 16)
            count[id] = count.get(id, 0) + bodies_of
    systems = connection.execute("select system, indexed from encryption_system order by 1").fetchall()
    begun = connection.execute("select part, looked_at, before + rewritten from encryption_run order by 1").fetchall()
    return {"keys": found, "bodies": count, "systems": systems, "under_way": begun}


def rotate(connection: psycopg.Connection[Any], purposes: Sequence[str]) -> list[int]:
    """New keys of the purposes; their ids."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [keys.LOCK])
        return [keys.make(connection, purpose) for purpose in purposes]


def rewrap(connection: psycopg.Connection[Any]) -> int:
    """All keys wrapped by the first wrapping key; how many were not. Raises KeyMissing."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [keys.LOCK])
        return keys.rewrap(connection)
