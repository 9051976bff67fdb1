"""From the intake into the trail: events in order, chained, with an index of whom they concern.

One worker does it, the one that holds the advisory lock; what it writes and deletes is one transaction each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any

import orjson
import zstandard

from fhir_server.arrays import bytea_array, int2_array, int8_array
from fhir_server.audit.chain import START, Batch, sealed
from fhir_server.audit.event import Event
from fhir_server.instant import SECOND
from fhir_server.postgres import Connection
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.rows import hash64
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.trouble import places

LOCK = 4_611_686_018_427_387_852
"""Advisory lock of the sealer, one for each database."""
PATIENT, SUBJECT, CLIENT = 0, 1, 2
"""Kinds of key a batch is found by: rid of a patient, hash of who acted, hash of the app they used."""

_LIMIT = 5000
"""Events of a batch: no further row is taken when there are so many."""
_ROWS = 2000
"""Of the intake, looked at."""
_PAUSE = 0.5
"""Seconds between two looks at the intake, unless there is more than a batch in it: fewer batches are cheaper, and
sooner found in."""
_CONTEST = 1.0
_INT8, _PAIR = Struct(">q"), Struct(">qq")

Members = list[Any]
"""Of an Event, in order, as its line has them: those at the end that say nothing may be missing."""
_SUBJECT, _CLIENT, _SEEN, _WRITTEN, _PATIENTS = map(
    Event._fields.index, ("subject", "client", "seen", "written", "patients")
)

_LOCKED = Statement(f"select pg_try_advisory_lock({LOCK})")
_LAST = Statement("select number, first + events, right_tag from audit_batch order by number desc limit 1", binary=True)
_TAKE = Statement(f"select sequence, lines from audit_intake order by sequence limit {_ROWS}", binary=True)
_CONCERNED = f"""
select x.rid, x.target_rid from reference x join resource p on p.rid = x.target_rid
where x.rid = any($1::bigint[]) and p.type_id = {TYPE_ID["Patient"]}
union
select rid, rid from resource where rid = any($1::bigint[]) and type_id = {TYPE_ID["Patient"]}"""
_BATCH = """
insert into audit_batch (number, first, events, first_at, last_at, left_tag, right_tag, tags, lines)
values (($1::bigint[])[1], ($1::bigint[])[2], ($1::bigint[])[3], ($1::bigint[])[4], ($1::bigint[])[5],
  ($2::bytea[])[1], ($2::bytea[])[2], ($2::bytea[])[3], ($2::bytea[])[4])"""
_KEYS = """
insert into audit_key (kind, key, batch)
select k, v, ($3::bigint[])[1] from unnest($1::smallint[], $2::bigint[]) u(k, v)"""
_DONE = "delete from audit_intake where sequence = any($1::bigint[])"


class Sealer:
    """`run` is a task of each worker."""

    def __init__(self, store: ResourceStore, log: Callable[[dict[str, object]], None]) -> None:
        """log: takes the tag at the end of each day, and faults."""
        self._store, self._log = store, log

    async def run(self) -> None:
        """Seals whenever it can, until cancelled."""
        while True:
            try:
                await self._lead()
            except Exception as error:  # noqa: BLE001 - outermost loop of the sealer: it begins anew
                self._log(
                    {"message": "fault", "level": "error", "interaction": "audit", "error": type(error).__qualname__,
                     "trace": places(error)}
                )  # fmt: skip
            await asyncio.sleep(_CONTEST)

    async def _lead(self) -> None:
        connection = await self._store.connection()
        try:
            while (await connection.send([_LOCKED]))[0][0][0] != b"\x01":  # noqa: ASYNC110 - others hold it
                await asyncio.sleep(_CONTEST)
            sealer = Sealing(connection, self._log)
            while True:
                if await sealer.seal() < _LIMIT:
                    await asyncio.sleep(_PAUSE)
        finally:
            connection.close()


class Sealing:
    """The end of the chain, on a connection that holds the lock."""

    def __init__(self, connection: Connection, log: Callable[[dict[str, object]], None]) -> None:
        self._connection, self._log = connection, log
        self._end: tuple[int, int, bytes] | None = None
        """Number of the next batch, of its first event, and the tag before it."""
        self._day = ""

    async def seal(self) -> int:
        """Seals what is in the intake, up to a limit; how many events that were."""
        [rows] = await self._connection.send([_TAKE])
        if not rows:
            return 0
        number, first, before = self._end or await self._last()
        taken: list[bytes] = []
        sequences = []
        for sequence, lines in rows:
            if len(taken) >= _LIMIT:
                break
            sequences.append(_INT8.unpack(sequence)[0])
            taken += lines.split(b"\n")
        events: list[Members] = orjson.loads(b"[%b]" % b",".join(taken))
        await self._complete(events, taken)
        batch = sealed(number, first, before, taken)
        keys = sorted(_keys(events))
        found_by = int2_array([kind for kind, _ in keys]), int8_array([key for _, key in keys]), int8_array([number])
        await self._connection.send(
            [
                _insert(batch, events),
                Statement(_KEYS, found_by, binary=True),
                Statement(_DONE, (int8_array(sequences),), binary=True),
            ]
        )
        self._end = number + 1, first + len(events), batch.tags[-1]
        self._tell(batch, events)
        return len(events)

    async def _last(self) -> tuple[int, int, bytes]:
        [rows] = await self._connection.send([_LAST])
        if not rows:
            return 1, 1, START
        [(number, following, last)] = rows
        return _INT8.unpack(number)[0] + 1, _INT8.unpack(following)[0], last

    async def _complete(self, events: Sequence[Members], lines: list[bytes]) -> None:
        """Adds to the events and their lines the patients they concern: as the record is now, for it may change."""
        touched = [_touched(event) for event in events]
        rids = sorted(set().union(*touched))
        if not rids:
            return
        [rows] = await self._connection.send([Statement(_CONCERNED, (int8_array(rids),), binary=True)])
        first: dict[int, int] = {}
        others: dict[int, set[int]] = {}  # of what is in the record of several patients, those beside the first
        for pair in rows:
            rid, patient = _PAIR.unpack(b"".join(pair))
            if first.setdefault(rid, patient) != patient:
                others.setdefault(rid, set()).add(patient)
        found: tuple[int, ...]
        ends: dict[tuple[int, ...], bytes] = {}
        for place, of_event in enumerate(touched):
            if len(of_event) == 1 and not others:  # as nearly all
                patient = first.get(of_event[0])
                found = () if patient is None else (patient,)
            else:
                of_all = set(filter(None, map(first.get, of_event)))
                found = tuple(sorted(of_all.union(*(others[rid] for rid in others.keys() & of_event))))
            if not found:
                continue
            event = events[place]
            if len(event) == _WRITTEN:
                # Its line need not be written anew.
                event += [], list(found)
                end = ends.get(found)
                if end is None:
                    end = ends[found] = b",[],%b]" % orjson.dumps(found)
                lines[place] = lines[place][:-1] + end
            else:
                event += [[]] * (_PATIENTS + 1 - len(event))
                event[_PATIENTS] = sorted({*found, *event[_PATIENTS]})
                lines[place] = orjson.dumps(event)

    def _tell(self, batch: Batch, events: Sequence[Members]) -> None:
        """The tag with which a day begins: kept elsewhere, it shows whether the trail up to there is still the same."""
        day = datetime.fromtimestamp(events[0][0] // SECOND, UTC).date().isoformat()
        if day != self._day:
            self._day = day
            self._log({"message": "audit", "day": day, "event": batch.first, "tag": batch.tags[0].hex()})


def _touched(event: Members) -> list[int]:
    """rids of what it has seen and written."""
    if len(event) <= _SEEN:
        return []
    seen = [one if isinstance(one, int) else one[0] for one in event[_SEEN]]
    return seen + [one[0] for one in event[_WRITTEN]] if len(event) > _WRITTEN else seen


def _keys(events: Sequence[Members]) -> set[tuple[int, int]]:
    """What a batch is to be found by."""
    patients: set[int] = set()
    patients.update(*(event[_PATIENTS] for event in events if len(event) > _PATIENTS))
    keys = {(PATIENT, rid) for rid in patients}
    for kind, place in (SUBJECT, _SUBJECT), (CLIENT, _CLIENT):
        names = {event[place] for event in events if len(event) > place}
        keys |= {(kind, hash64(name)) for name in names if name}
    return keys


def _insert(batch: Batch, events: Sequence[Members]) -> Statement:
    times = [event[0] for event in events]
    numbers = int8_array([batch.number, batch.first, len(batch.lines), min(times), max(times)])
    lines = zstandard.compress(b"\n".join(batch.lines))
    texts = bytea_array([batch.before, batch.tags[-1], b"".join(batch.tags), lines])
    return Statement(_BATCH, (numbers, texts), binary=True)
