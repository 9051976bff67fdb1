"""From the intake into the trail: events in order, chained, with an index of whom they concern.

One worker does it, the one that holds the advisory lock; what it writes and deletes is one transaction each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from struct import Struct

import zstandard

from fhir_server.arrays import bytea_array, int2_array, int8_array
from fhir_server.audit.chain import START, Batch, sealed
from fhir_server.audit.taken import Taken
from fhir_server.instant import SECOND
from fhir_server.postgres import Connection
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.trouble import places

LOCK = 4_611_686_018_427_387_852
"""Advisory lock of the sealer, one for each database."""
_LIMIT = 5000
"""Events of a batch: no further row is taken when there are so many."""
_ROWS = 2000
"""Of the intake, looked at."""
_PAUSE = 0.5
"""Seconds between two looks at the intake, unless there is more than a batch in it: fewer batches are cheaper, and
sooner found in."""
_CONTEST = 1.0
_INT8, _PAIR = Struct(">q"), Struct(">qq")

_LOCKED = Statement(f"select pg_try_advisory_lock({LOCK})")
_LAST = Statement("select number, first + events, right_tag from audit_batch order by number desc limit 1", binary=True)
_TAKE = Statement(
    f"select sequence, lines, rids, places from audit_intake order by sequence limit {_ROWS}", binary=True
)
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
        taken = Taken()
        sequences = []
        for sequence, *columns in rows:
            if len(taken) >= _LIMIT:
                break
            sequences.append(_INT8.unpack(sequence)[0])
            taken.add(*columns)
        taken.complete(await self._concerned(taken.rids()))
        batch = sealed(number, first, before, taken.lines)
        keys = sorted(taken.keys())
        found_by = int2_array([kind for kind, _ in keys]), int8_array([key for _, key in keys]), int8_array([number])
        await self._connection.send(
            [
                _insert(batch, taken),
                Statement(_KEYS, found_by, binary=True),
                Statement(_DONE, (int8_array(sequences),), binary=True),
            ]
        )
        self._end = number + 1, first + len(taken), batch.tags[-1]
        self._tell(batch, taken.first_at)
        return len(taken)

    async def _last(self) -> tuple[int, int, bytes]:
        [rows] = await self._connection.send([_LAST])
        if not rows:
            return 1, 1, START
        [(number, following, last)] = rows
        return _INT8.unpack(number)[0] + 1, _INT8.unpack(following)[0], last

    async def _concerned(self, rids: Sequence[int]) -> list[tuple[int, int]]:
        """(rid, rid of a patient in whose record it is): as the record is now, for it may change."""
        if not rids:
            return []
        [rows] = await self._connection.send([Statement(_CONCERNED, (int8_array(rids),), binary=True)])
        return [_PAIR.unpack(b"".join(pair)) for pair in rows]

    def _tell(self, batch: Batch, at: int) -> None:
        """The tag with which a day begins: kept elsewhere, it shows whether the trail up to there is still the same."""
        day = datetime.fromtimestamp(at // SECOND, UTC).date().isoformat()
        if day != self._day:
            self._day = day
            self._log({"message": "audit", "day": day, "event": batch.first, "tag": batch.tags[0].hex()})


def _insert(batch: Batch, taken: Taken) -> Statement:
    numbers = int8_array([batch.number, batch.first, len(batch.lines), taken.first_at, taken.last_at])
    lines = zstandard.compress(b"\n".join(batch.lines))
    texts = bytea_array([batch.before, batch.tags[-1], b"".join(batch.tags), lines])
    return Statement(_BATCH, (numbers, texts), binary=True)
