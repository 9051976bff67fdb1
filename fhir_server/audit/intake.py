"""Events on their way into the trail: stored durably before the answer they belong to is sent.

What waits at the same moment shares one commit, and its events one row; a lone one goes at once. The event of a read is
stored by the statement that reads: one round trip, and the reader wakes up once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from fhir_server import store_reads
from fhir_server.access.wall import wall_of
from fhir_server.arrays import bytea_array, int8_array
from fhir_server.audit.company import Company
from fhir_server.audit.event import Event, line_of
from fhir_server.audit.rows import packed, packed_reads
from fhir_server.audit.trail import Trail
from fhir_server.postgres import Row
from fhir_server.statement import Statement
from fhir_server.version import Version
from smart_auth.scopes import Access

_STORE = "insert into audit_intake (lines, events) values (($1::bytea[])[1], ($2::bigint[])[1])"
_READ = """
with shown as materialized ({read}),
stored as (
  insert into audit_intake (lines, rids, places, events)
  select $%d::bytea, array_agg(rid), array_agg((n << 32) | version), count(*)
  from shown where body is not null having count(*) > 0)
select * from shown"""


def store(events: Sequence[Event]) -> Statement:
    """The statement that stores events."""
    return Statement(
        _STORE, (bytea_array([packed(list(map(line_of, events)))]), int8_array([len(events)])), binary=True
    )


class Reading(NamedTuple):
    """A read that waits."""

    access: Access
    key: tuple[str, str]
    """Type and id."""
    head: bytes
    """The line of its event, up to what it shows."""
    answer: asyncio.Future[Version | None]


def read(readings: Sequence[Reading]) -> list[tuple[Statement, list[Reading]]]:
    """The statements that read what those behind one wall ask for, nearly always one, and store the events of what they
    find; with each, whom it answers."""
    found = []
    for statement, places in store_reads.shared([(one.access, one.key) for one in readings]):
        some = [readings[place] for place in places]
        agents = {(one.access.subject, one.access.client) for one in some}
        lines = packed_reads(agents, [one.head for one in some])
        parameters = (*statement.parameters, lines)
        found.append((statement._replace(text=_audited(statement.text, len(parameters)), parameters=parameters), some))
    return found


@lru_cache(maxsize=1024)
def _audited(text: str, lines: int) -> str:
    """The text of a read that stores its events. lines: number of the parameter with them."""
    return _READ.replace("{read}", text).replace("%d", str(lines))


class Intake:
    """Stores events in groups, one commit under way at a time: who comes meanwhile goes together with the next."""

    def __init__(self, run: Callable[[Sequence[Statement]], Awaitable[list[list[Row]]]], *, limit: int = 500) -> None:
        """run: commits statements as one transaction; limit: events per commit, and reads."""
        self._run, self._limit = run, limit
        self._events: list[tuple[Event, asyncio.Future[None]]] = []
        self._reads: list[Reading] = []
        self._task: asyncio.Task[None] | None = None
        self._company = Company(lambda: len(self._events) + len(self._reads))

    async def note(self, event: Event) -> None:
        """Returns when the event is stored. Raises what the commit raised: nothing may be answered then."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._events.append((event, future))
        self._come()
        await future

    async def read(self, trail: Trail, access: Access, resource_type: str, id: str) -> Version | None:
        """The current version, as Reader.read, and the event of showing it is stored. What is not there, or deleted, is
        not shown and leaves none. Raises what the commit raised.
        """
        future: asyncio.Future[Version | None] = asyncio.get_running_loop().create_future()
        self._reads.append(Reading(access, (resource_type, id), trail.head(), future))
        self._come()
        version = await future
        trail.stored = version is not None and version.body is not None
        return version

    def _come(self) -> None:
        """One more waits."""
        self._company.come()
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._events or self._reads:
            await self._company.gathered(self._limit)
            events, self._events = self._events[: self._limit], self._events[self._limit :]
            reads, self._reads = self._reads[: self._limit], self._reads[self._limit :]
            try:
                await self._commit(events, reads)
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                waiting: list[asyncio.Future[Any]] = [future for _, future in events]
                for future in (*waiting, *(one.answer for one in reads)):
                    if not future.done():  # nobody waits where the request was given up
                        future.set_exception(error)
            self._company.answered(len(events) + len(reads))
        self._task = None

    async def _commit(self, events: Sequence[tuple[Event, asyncio.Future[None]]], reads: Sequence[Reading]) -> None:
        """One transaction, then whoever waits for it has what they wait for."""
        walls: dict[int, list[Reading]] = {}
        for one in reads:
            walls.setdefault(id(wall_of(one.access)), []).append(one)
        together = [each for behind in walls.values() for each in read(behind)]
        statements = [statement for statement, _ in together]
        if events:
            statements.append(store([event for event, _ in events]))
        results = await self._run(statements)
        for (_, group), rows in zip(together, results, strict=False):
            found = dict(store_reads.current_versions([one.key for one in group], rows))
            for place, one in enumerate(group):
                if not one.answer.done():
                    one.answer.set_result(found.get(place))
        for _, future in events:
            if not future.done():
                future.set_result(None)
