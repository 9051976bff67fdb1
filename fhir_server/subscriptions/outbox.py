"""The outbox as the relay reads it: what is visible, oldest first, deleted in the transaction that counts the events.

Versions that a care service listens to become rows of `event` as they leave it, by the very statement that deletes
them (`events/`).

There is no cursor, so a transaction that commits late is only seen late, never passed over. Versions of one resource
are in order by themselves: a version can only be written when the one before is committed, hence visible, and its row
takes its sequence number after that.

Rows that are gone leave dead tuples at the front of the index until vacuum may remove them. `low` spares reading them:
the number before which no row can appear any more. Whoever had taken a number when the sequence was looked at had its
transaction id before the relay's next commit got one; once all transactions before that have ended, `low` moves up to
where the sequence stood. (The xmax of a snapshot would not do: it is one above the latest that has *ended*.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fhir_server.arrays import int2_array, int4_array, int8_array, text_array
from fhir_server.compression import decompress
from fhir_server.postgres import Row
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.totals import FRONT, OTHERWISE
from fhir_server.statement import Statement
from fhir_server.subscriptions.seen import Seen
from mappings.r4 import parse

Listened = Sequence[tuple[str, str]]
"""Resource types and interactions: create, update, delete."""
Run = Callable[[Sequence[Statement]], Awaitable[list[list[Row]]]]

CHANNEL = "event"
"""Of PostgreSQL's NOTIFY: there are rows in `event`."""
LIMIT = 500
"""Rows taken at a time."""
MOST = 10_000
"""Rows passed over at a time."""

_SEQUENCE = Statement("select last_value from outbox_sequence_seq", binary=True)
_OLDEST = Statement("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint", binary=True)
_OWN = Statement("select pg_current_xact_id_if_assigned()::text::bigint", binary=True)
READY = Statement(
    "insert into outbox_passed (type_id, versions)"
    f" select n, case when n = {FRONT} then 0 else (extract(epoch from clock_timestamp()) * 1000000)::bigint end"
    f" from generate_series({OTHERWISE}, {len(RESOURCE_TYPES)}) n on conflict do nothing"
)
"""Begins to count what leaves the outbox, higher than anybody can have counted before."""
_COUNTED = f"""
update outbox_passed p set versions = case when p.type_id = {FRONT} then ($1::bigint[])[1] else p.versions + g.n end
from (
  select type_id, count(*) as n from gone group by type_id
  union all select {FRONT}, 0 from (select from gone limit 1) x) g
where p.type_id = g.type_id"""
_EVENTS_OF_GONE = """,
announced as (
  insert into event (sequence, rid, since, version, type_id, interaction)
  select g.sequence, g.rid, (extract(epoch from clock_timestamp()) * 1000000)::bigint, g.version, g.type_id,
    g.interaction
  from (
    select *, case when method = 'DELETE' then 'delete' when version = 1 then 'create' else 'update' end as interaction
    from gone) g
    join unnest($3::smallint[], $4::text[]) l(type_id, interaction)
      on l.type_id = g.type_id and l.interaction = g.interaction
  returning 1)"""
"""Of what leaves the outbox in `gone`, the events of the types and interactions that are listened to."""
_TOLD = f"(select pg_notify('{CHANNEL}', '') is null from announced limit 1)"
_COLUMNS = "sequence, rid, version, type_id, method"


def _pass(announcing: bool) -> str:
    return f"""
with front as (select sequence, type_id from outbox where sequence >= ($1::bigint[])[1] order by sequence limit {MOST}),
ended as (
  select coalesce(min(sequence) filter (where type_id = {TYPE_ID["Subscription"]}), max(sequence) + 1) as sequence
  from front),
gone as (
  delete from outbox where sequence >= ($1::bigint[])[1] and sequence < (select sequence from ended)
    and not type_id = any($2::smallint[])
  returning {_COLUMNS if announcing else "type_id"}),
counted as ({_COUNTED}){_EVENTS_OF_GONE if announcing else ""}
select count(*){f", {_TOLD}" if announcing else ""} from gone"""


_TAKE = f"""
select o.sequence, o.rid, o.version, o.type_id, o.method, r.fhir_id,
  case when r.version = o.version then r.last_updated else v.last_updated end,
  case when o.type_id = any($2::smallint[]) then
    case when o.method = 'DELETE' then p.body when r.version = o.version then r.body else v.body end
  end
from (select * from outbox where sequence >= ($1::bigint[])[1] order by sequence limit {LIMIT}) o
  left join resource r on r.rid = o.rid
  left join resource_version v on r.version <> o.version and v.rid = o.rid and v.version = o.version
  left join resource_version p on o.method = 'DELETE' and p.rid = o.rid and p.version = o.version - 1
order by o.sequence"""


def _gone(announcing: bool) -> str:
    gone = "delete from outbox where sequence = any($2::bigint[]) returning"
    if not announcing:
        return f"with gone as ({gone} type_id) {_COUNTED}"
    return f"with gone as ({gone} {_COLUMNS}), counted as ({_COUNTED}){_EVENTS_OF_GONE} select {_TOLD}"


_EVENTS = """
insert into subscription_event (subscription_rid, number, rid, happened, version, type_id, delivered, method)
select s, n, r, h, v, t, false, m
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::smallint[], $7::text[])
  u(s, n, r, h, v, t, m)"""


class Outbox:
    """Reads the outbox on one connection."""

    def __init__(self, run: Run, base: str, listened: Listened = ()) -> None:
        """listened: which versions become rows of `event` when they leave."""
        self._run, self._base = run, base
        self._listened: tuple[bytes | None, ...] = ()
        if listened:
            self._listened = (
                int2_array([TYPE_ID[name] for name, _ in listened]), text_array([one for _, one in listened])
            )  # fmt: skip
        self._pass, self._gone = _pass(bool(listened)), _gone(bool(listened))
        self._low = self._last = 0
        self._mark: tuple[int, int] | None = None
        """Id of a transaction of ours, and where the sequence stood before it."""

    async def look(self, types: Sequence[int]) -> list[Seen]:
        """What is there, at most LIMIT, with the content of those types. Each row stays until `commit`."""
        return (await self._look(types, ()))[0]

    async def look_for(self, types: Sequence[int]) -> tuple[list[Seen], bool]:
        """What is there of those types, likewise, and whether more may be: rows of others are deleted unread.

        Only before the first Subscription, which may ask for other types.
        """
        passed = Statement(self._pass, (int8_array([self._low]), int2_array(types), *self._listened), binary=True)
        seen, [[(count, *_)], own] = await self._look(types, (passed, _OWN))
        self._committed(own)
        return seen, _number(count) >= MOST // 2

    async def _look(self, types: Sequence[int], before: Sequence[Statement]) -> tuple[list[Seen], list[list[Row]]]:
        take = Statement(_TAKE, (int8_array([self._low]), int2_array(types)), binary=True)
        # In this order: what had ended before the rows were read is seen by them.
        sequence, oldest, *others, rows = await self._run([_SEQUENCE, _OLDEST, *before, take])
        self._last = _number(sequence[0][0])
        if self._mark is not None and _number(oldest[0][0]) >= self._mark[0]:
            self._low = max(self._low, min([self._mark[1], *(_number(row[0]) for row in rows[:1])]))
            self._mark = None
        return [self._seen(row) for row in rows], others

    async def commit(self, statements: Sequence[Statement], seen: Sequence[Seen]) -> None:
        """Runs the statements and deletes the rows, in one transaction."""
        sequences = int8_array([one.sequence for one in seen])
        gone = Statement(self._gone, (int8_array([self._low]), sequences, *self._listened), binary=True)
        *_, own = await self._run([*statements, gone, _OWN])
        self._committed(own)

    def _committed(self, own: Sequence[Row]) -> None:
        """A transaction of ours has ended; `own` is the row of its id, if it has changed anything."""
        if self._mark is None and own[0][0] is not None:
            self._mark = (_number(own[0][0]), self._last)

    def _seen(self, row: Row) -> Seen:
        sequence, rid, version, type_id, method, id, updated, body = row
        return Seen(
            _number(sequence),
            RESOURCE_TYPES[_number(type_id) - 1],
            id.decode() if id else "",
            _number(rid),
            _number(version),
            method.decode(),
            _number(updated) if updated else 0,
            parse(decompress(body)) if body else None,
            self._base,
        )


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def recorded(found: Sequence[tuple[int, int, Seen]], type_ids: Sequence[int]) -> Statement:
    """Stores events: (rid of the Subscription, number, change), and the type of each change."""
    seen = [change for _, _, change in found]
    return Statement(
        _EVENTS,
        (
            int8_array([rid for rid, _, _ in found]),
            int8_array([number for _, number, _ in found]),
            int8_array([one.rid for one in seen]),
            int8_array([one.last_updated for one in seen]),
            int4_array([one.version_id for one in seen]),
            int2_array(type_ids),
            text_array([one.method for one in seen]),
        ),
        binary=True,
    )
