"""What releases before labels, consents and owners have stored is judged once, before anybody is served.

A database that held resources when those tables came has a row in `unjudged`, which says how far this has come; it goes
when all is done. Each chunk is a transaction: whoever was broken off goes on there, and two at once take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import zstandard

from fhir_server.audit.event import Event, event_of
from fhir_server.audit.rows import unpacked
from fhir_server.compression import decompress
from fhir_server.consent import stored
from fhir_server.labels.given import UNREVIEWED, stored_bits
from fhir_server.labels.records import RENEW
from fhir_server.references import local_reference, references_of
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Statement
from fhir_server.subscriptions.owned import names_of
from mappings.r4 import parse
from smart_auth.scopes import Access

CHUNK = 1000
"""Resources of one transaction, with all their versions."""

_HELD = "select last, high from unjudged for update"
_CURRENT = """
select rid, type_id, last_updated, body from resource
where rid > $1 and rid <= $2 and version > 0 order by rid limit $3"""
_FORMER = "select rid, body from resource_version where rid > $1 and rid <= $2 and body is not null"
_LABELS = """
insert into label (rid, labels) select * from unnest($1::bigint[], $2::smallint[])
on conflict (rid) do update set labels = label.labels | excluded.labels"""
_RIDS = """
select r.type_id, r.fhir_id, r.rid from unnest($1::smallint[], $2::text[]) w(type_id, id)
join resource r on r.type_id = w.type_id and r.fhir_id = w.id"""
_OWNERLESS = f"""
select r.rid from resource r where r.type_id = {TYPE_ID["Subscription"]} and r.body is not null
  and not exists (select from subscription_owner o where o.rid = r.rid)"""
_WAITING = "select lines from audit_intake where rids is null order by sequence desc"
_BATCHES = "select number from audit_batch order by number desc"
_BATCH = "select lines from audit_batch where number = $1"
_OWNER = "insert into subscription_owner (rid, names, since, ended) values ($1, $2, $3, $4)"

Progress = Callable[[int, int], None]


def judge(conninfo: str, base: str, progress: Progress) -> None:
    """Brings labels, consents and owners of everything stored before about; at once, where there is nothing left to do.

    Raises psycopg.Error, and what `progress` raises, which is told the last rid judged and the last of all.
    """
    with (
        psycopg.connect(conninfo, autocommit=True, application_name="hub-upgrade") as connection,
        psycopg.RawCursor(connection) as cursor,
    ):
        while True:
            with connection.transaction():
                held = cursor.execute(_HELD).fetchone()
                if held is None:
                    return
                last, high = held
                following = _chunk(cursor, base, last, high)
                if following is None:
                    _owners(cursor)
                    cursor.execute("delete from unjudged")
                    return
                cursor.execute("update unjudged set last = $1", [following])
            progress(following, high)


def _chunk(cursor: psycopg.RawCursor[Any], base: str, last: int, high: int) -> int | None:
    """Labels and consents of some resources; the rid of the last of them, None: there are no more."""
    rows = cursor.execute(_CURRENT, [last, high, CHUNK], binary=True).fetchall()
    if not rows:
        return None
    end: int = rows[-1][0]
    labels = {rid: 0 if body is None else stored_bits(decompress(body)) for rid, _, _, body in rows}
    gone = {rid for rid, _, _, body in rows if body is None}
    for rid, body in cursor.execute(_FORMER, [last, end], binary=True).fetchall():
        # What is without the label now was reviewed; of what is deleted nobody knows.
        labels[rid] |= stored_bits(decompress(body)) & (~0 if rid in gone else ~UNREVIEWED)
    found = {rid: bits for rid, bits in labels.items() if bits}
    cursor.execute(_LABELS, [list(found), list(found.values())])
    cursor.execute(RENEW, [list(found), [TYPE_ID["Patient"]]])
    for rid, type_id, last_updated, body in rows:
        if type_id == TYPE_ID["Consent"] and body is not None:
            _consent(cursor, base, rid, last_updated, decompress(body))
    return end


def _consent(cursor: psycopg.RawCursor[Any], base: str, rid: int, written: int, body: bytes) -> None:
    """What a Consent comes to, instead of what it came to before."""
    local = partial(local_reference, base=base)
    named = {found for text in references_of(body) if (found := local(text))}
    wanted = [[TYPE_ID[name] for name, _ in named], [id for _, id in named]]
    there = {(type_id, id): found for type_id, id, found in cursor.execute(_RIDS, wanted).fetchall()}
    rids = {(name, id): there[TYPE_ID[name], id] for name, id in named if (TYPE_ID[name], id) in there}
    cursor.execute("delete from consent_effect where consent_rid = $1", [rid])
    statement = stored.added(rid, parse(body), written, local, rids)
    if statement is not None:
        cursor.execute(statement.text.encode(), _texts(statement))


def _owners(cursor: psycopg.RawCursor[Any]) -> None:
    """Whose the Subscriptions are: told by the audit trail; of whom it tells nothing, nobody's."""
    wanted = {rid for (rid,) in cursor.execute(_OWNERLESS).fetchall()}
    for event in _events(cursor) if wanted else ():
        for rid in wanted.intersection(rid for rid, _, _ in event.written):
            if event.client:
                access = Access(event.subject, unrestricted=False, client=event.client, grant=event.grant)
                cursor.execute(_OWNER, [rid, list(names_of(access)), event.at, False])
                wanted.discard(rid)
    for rid in sorted(wanted):
        cursor.execute(_OWNER, [rid, [], 0, True])


def _events(cursor: psycopg.RawCursor[Any]) -> Iterator[Event]:
    """All of the trail that tells of writing, newest first."""
    for (lines,) in cursor.execute(_WAITING, binary=True).fetchall():
        yield from map(event_of, reversed(unpacked(lines)))
    for (number,) in cursor.execute(_BATCHES).fetchall():
        for (lines,) in cursor.execute(_BATCH, [number], binary=True).fetchall():
            yield from map(event_of, reversed(zstandard.decompress(lines).split(b"\n")))


def _texts(statement: Statement) -> list[str | None]:
    return [None if value is None else value.decode() for value in statement.parameters]
