"""One reindex from beginning to end, which goes on where it was broken off. docs/decisions/search-parameters.md

Progress is noted in the transaction that writes the rows. It is done only when the resources that are there have been
counted again and a sample of them has the rows it should have.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from fhir_server.arrays import int2_array, int8_array, text_array
from fhir_server.outcome import FhirError
from fhir_server.postgres import Row
from fhir_server.reindex.chunk import COUNT, NEXT, Done, Part, differences, first_rows, mended
from fhir_server.reindex.goal import Goal, of_definitions, of_parameter, of_types, waits
from fhir_server.reindex.removal import remove
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.parameters import current
from fhir_server.search.registry import INDEXING, READY
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.store_errors import RetryTransaction
from smart_auth.scopes import UNRESTRICTED

FIRST_ROWS, COMPARED = 1000, 5000
"""Resources of a chunk: locked while their rows are written, or only looked at."""
SAMPLES, SAMPLE = 5, 100
"""Pieces of each type that are compared at the end, and resources of each."""
SLACK = 2_000_000
"""Microseconds by which clocks may be apart."""
PAUSE = 0.05

Progress = Callable[[int, int], None]

_TYPES = """
select t from unnest($1::smallint[]) t
where exists (select from resource r where r.type_id = t and r.body is not null) order by t"""
_HIGH = "select coalesce(max(rid), 0) from resource"
_TOTAL = """
select count(*) from resource where type_id = any($1::smallint[]) and body is not null and rid <= ($2::bigint[])[1]"""
_BEGUN = "select goal, started, high, total, type_id, last, found from reindex_run where run = ($1::text[])[1]"
_BEGIN = """
insert into reindex_run (run, goal, started, high, total, type_id, last, found)
values (($1::text[])[1], ($1::text[])[2], ($2::bigint[])[1], ($2::bigint[])[2], ($2::bigint[])[3],
        ($3::smallint[])[1], 0, '{}')
on conflict (run) do update set goal = excluded.goal, started = excluded.started, high = excluded.high,
  total = excluded.total, type_id = excluded.type_id, last = 0, found = '{}'"""
_NOTE = """
update reindex_run set type_id = ($3::smallint[])[1], last = ($2::bigint[])[1], found = ($1::text[])[2]
where run = ($1::text[])[1]"""
_END = "delete from reindex_run where run = ($1::text[])[1]"

_SNAPSHOT = "select pg_current_snapshot()::text"
_UNDER_WAY = """
select 1 from pg_snapshot_xip((($1::text[])[1])::pg_snapshot) x(id)
where pg_xact_status(x.id) = 'in progress' limit 1"""

_CLAIM = f"""
update search_parameter p set job = coalesce((select j.id from job j where j.id = ($1::text[])[1]), p.job)
where state = '{INDEXING}' returning id"""
_READY = f"""
with ready as (update search_parameter set state = '{READY}' where id = any($1::bigint[]) and state = '{INDEXING}'
               returning 1)
update search_generation set generation = generation + 1 where exists (select from ready)"""


class IncompleteIndex(FhirError):
    """500: the rows are not what they should be."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"


@dataclass(slots=True)
class Found:
    """What was found of one type."""

    resources: int = 0
    counted: int = 0
    differing: int = 0
    added: int = 0
    removed: int = 0

    def plus(self, done: Done) -> Found:
        """With one more chunk."""
        return Found(
            self.resources + done.resources, self.counted + done.counted, self.differing + done.differing,
            self.added + done.added, self.removed + done.removed,
        )  # fmt: skip

    def row(self) -> list[int]:
        """For JSON."""
        return [self.resources, self.counted, self.differing, self.added, self.removed]


@dataclass(slots=True)
class Outcome:
    """What came of a reindex."""

    types: dict[str, Found] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    """URLs of the custom parameters that can be searched by since."""
    removed: int = 0
    """Rows of parameters that are no longer in force."""

    def resource(self) -> dict[str, Any]:
        """Parameters: what is told to the client."""
        found: list[dict[str, Any]] = []
        for name, one in self.types.items():
            counts = {"resources": one.resources, "rowsAdded": one.added, "rowsRemoved": one.removed}
            part: list[dict[str, Any]] = [{"name": "code", "valueCode": name}]
            part += [{"name": what, "valueDecimal": count} for what, count in counts.items()]
            found.append({"name": "type", "part": part})
        found += [{"name": "searchParameter", "valueUri": url} for url in self.parameters]
        if self.removed:
            found.append({"name": "rowsOfRetiredParameters", "valueDecimal": self.removed})
        found.append({"name": "verified", "valueBoolean": True})
        return {"resourceType": "Parameters", "parameter": found}


def run_reindex(conninfo: str, base: str, run: str, order: dict[str, Any], progress: Progress) -> Outcome:
    """Carries a reindex out. Raises FhirError, IncompleteIndex, ConnectionLost, and what `progress` raises.

    run: names it; another call with the same name goes on where the last one stopped. No two may be under way.
    """
    return asyncio.run(_run(conninfo, base, run, order, progress))


async def _run(conninfo: str, base: str, run: str, order: dict[str, Any], progress: Progress) -> Outcome:
    # What is referred to has a row; should one be missing, it gets a placeholder instead of ending the run.
    store = ResourceStore(conninfo, base, referential_integrity=False, connections=2)
    try:
        work = _Reindex(store, run, progress)
        await store.learn()
        if "types" in order:
            return await work.carry_out(of_types(order["types"]))
        if "url" in order and not waits(order["url"]):
            return await work.carry_out(of_parameter(order["url"]))
        return await work.stored()
    finally:
        store.close()


@dataclass(slots=True)
class _Reindex:
    store: ResourceStore
    run: str
    progress: Progress
    started: int = 0
    high: int = 0
    total: int = 0
    done: int = 0
    found: dict[str, Found] = field(default_factory=dict)

    async def stored(self) -> Outcome:
        """Indexes custom parameters that are not indexed yet, and removes the rows of those out of force."""
        begun = await self._begun()
        if begun is None:
            rows = await self._one(Statement(_CLAIM, (text_array([self.run]),), binary=True))
            definitions = [_number(id) for (id,) in rows]
        else:
            definitions = orjson.loads(begun[0])[2]
        await self.store.learn()
        goal = of_definitions(definitions)
        outcome = Outcome()
        if goal.types or definitions:
            outcome = await self.carry_out(goal)
        outcome.removed = await remove(self.store, self._settled, self._alive)
        return outcome

    async def carry_out(self, goal: Goal) -> Outcome:
        """Brings the rows of a goal about."""
        rows = await self._one(Statement(_TYPES, (_type_ids(goal.types),), binary=True))
        types = [RESOURCE_TYPES[_number(one) - 1] for (one,) in rows]
        position, after = await self._begin(goal, types)
        if goal.first is not None:
            # Who had begun to write before the parameters were in force may yet commit without their rows.
            await self._settled()
        for name in types:
            if TYPE_ID[name] >= position:
                await self._type(goal, name, after if TYPE_ID[name] == position else 0)
        await self._verify(goal, types)
        urls = {one.url for found in current().written.values() for one in found if one.param_id in (goal.first or ())}
        end = [Statement(_END, (text_array([self.run]),), binary=True)]
        if goal.definitions:
            end.append(Statement(_READY, (int8_array(goal.definitions),), binary=True))
        async with self.store.transaction(UNRESTRICTED) as unit:
            await unit.run(end)
        return Outcome(self.found, tuple(sorted(urls)))

    async def _begin(self, goal: Goal, types: list[str]) -> tuple[int, int]:
        """Type and rid where the run stands."""
        begun = await self._begun()
        if begun is not None and begun[0].decode() == goal.text():
            _, started, high, total, type_id, last, found = begun
            self.started, self.high, self.total = _number(started), _number(high), _number(total)
            self.found = {name: Found(*row) for name, row in orjson.loads(found).items()}
            self.done = sum(one.resources for one in self.found.values())
            return _number(type_id), _number(last)
        self.started = self.store.now() - SLACK
        [(high,)] = await self._one(Statement(_HIGH))
        [(total,)] = await self._one(Statement(_TOTAL, (_type_ids(types), int8_array([_number(high)])), binary=True))
        self.high, self.total = _number(high), _number(total)
        first = TYPE_ID[types[0]] if types else 0
        parameters = (
            text_array([self.run, goal.text()]),
            int8_array([self.started, self.high, self.total]),
            int2_array([first]),
        )
        await self._one(Statement(_BEGIN, parameters, binary=True))
        return first, 0

    async def _begun(self) -> Row | None:
        rows = await self._one(Statement(_BEGUN, (text_array([self.run]),), binary=True))
        return rows[0] if rows else None

    async def _type(self, goal: Goal, name: str, after: int) -> None:
        """All resources of a type that are left, chunk by chunk."""
        while True:
            limit = FIRST_ROWS if goal.first is not None else COMPARED
            part = Part(name, after, self.high, self.started, limit)

            def note(done: Done, name: str = name, after: int = after) -> Statement:
                found = {**self.found, name: self.found.get(name, Found()).plus(done)}
                text = orjson.dumps({one: what.row() for one, what in found.items()}).decode()
                last = after if done.last is None else done.last
                parameters = (text_array([self.run, text]), int8_array([last]), int2_array([TYPE_ID[name]]))
                return Statement(_NOTE, parameters, binary=True)

            try:
                if goal.first is not None:
                    done = await first_rows(self.store, part, goal.first, note)
                else:
                    done = await mended(self.store, part, goal.rows, note)
            except RetryTransaction:
                self._alive()
                continue
            self.found[name] = self.found.get(name, Found()).plus(done)
            self.done += done.resources
            self.progress(self.done, max(self.total, self.done))
            if done.last is None:
                return
            after = done.last

    async def _verify(self, goal: Goal, types: list[str]) -> None:
        """Raises IncompleteIndex."""
        for name in types:
            whole = Part(name, 0, self.high, self.started, 0)
            [(count,)] = await self._one(whole.statement(COUNT))
            if _number(count) > self.found.get(name, Found()).counted:
                raise IncompleteIndex(f"{name}: some resources were not reached; start the reindex again")
            for start in (0, *(random.randrange(self.high + 1) for _ in range(SAMPLES - 1))):
                sample = Part(name, start, self.high, self.started, SAMPLE)
                if await self._differ(sample, goal):
                    raise IncompleteIndex(f"{name}: search rows are not what they should be; start the reindex again")

    async def _differ(self, sample: Part, goal: Goal) -> bool:
        """Whether rows of some resources are wrong, in one snapshot."""
        return bool((await differences(self.store, sample.statement(NEXT), goal.rows))[1])

    async def _settled(self) -> None:
        """Waits until everything written by transactions that are under way now is committed or undone."""
        [(snapshot,)] = await self._one(Statement(_SNAPSHOT))
        under_way = Statement(_UNDER_WAY, (text_array([snapshot.decode()]),), binary=True)
        while await self._one(under_way):
            self._alive()
            await asyncio.sleep(PAUSE)

    def _alive(self) -> None:
        """Says that it goes on, and ends if it is no longer wanted."""
        self.progress(self.done, self.total)

    async def _one(self, statement: Statement) -> list[Row]:
        async with self.store.transaction(UNRESTRICTED) as unit:
            return await unit.select(statement)


def _type_ids(types: list[str] | tuple[str, ...]) -> bytes:
    return int2_array([TYPE_ID[name] for name in types])


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
