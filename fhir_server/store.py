"""ResourceStore: the one place where resource SQL runs. Reads share queries, writes share commits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from itertools import count

from psycopg.conninfo import make_conninfo

from fhir_server import store_reads
from fhir_server.access import glass, policies
from fhir_server.access.predicate import sight
from fhir_server.audit.intake import Intake
from fhir_server.audit.searches import Searches
from fhir_server.encryption.keys import learned as keys_learned
from fhir_server.encryption.keys import question as keys_question
from fhir_server.group_commit import GroupCommit
from fhir_server.loader import Loader
from fhir_server.parameter_sets import ParameterSets
from fhir_server.postgres import Connection, DatabaseError, Pool, Row
from fhir_server.reader import Reader
from fhir_server.rids import Rids, Run, explained
from fhir_server.search import registry
from fhir_server.search.pairs import Pairs
from fhir_server.search.pairs import note as pairs_noted
from fhir_server.search.parameters import current, use
from fhir_server.search.totals import Totals
from fhir_server.statement import Statement
from fhir_server.store_errors import (
    MissingReferences,
    RetryTransaction,
    StaleParameters,
    StillReferenced,
    VersionConflict,
)
from fhir_server.terminology.members import Expansions
from fhir_server.unit import Unit, defines
from fhir_server.version import Change, Version
from fhir_server.write import Write, prepare, targets
from fhir_server.write_set import statements
from smart_auth.scopes import UNRESTRICTED, Access

__all__ = [
    "Change",
    "MissingReferences",
    "ResourceStore",
    "RetryTransaction",
    "StillReferenced",
    "Version",
    "VersionConflict",
]

# Point statements know their plan: always by index, never planned again, whatever the statistics say that day.
_POINT = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c enable_bitmapscan=off -c jit=off -c statement_timeout=300000"
)
# Searches that find out by themselves how to read are planned once, others for their values: with those a plan made
# for others can be a thousand times slower than planning anew.
_PROBING = f"{_POINT} -c statement_timeout=30000 -c default_transaction_read_only=on"
_SEARCH = (
    "-c plan_cache_mode=force_custom_plan -c jit=off -c statement_timeout=30000 -c default_transaction_read_only=on"
)

_SOON = "-c synchronous_commit=off"

STALE_SECONDS = 4.0
"""After which policies are read again before anybody is held to them."""
ATTEMPTS = 5
"""At a write whose search parameters keep changing."""
_MOST_LOADERS = 1000


def _nothing() -> None:
    """What follows a write where nobody waits for it."""


def _now() -> int:
    return time.time_ns() // 1000


class ResourceStore(Reader):
    """The record in one PostgreSQL database."""

    again = True
    """A read that failed may be tried again: it is not part of a transaction, which then has failed as a whole."""

    def __init__(
        self,
        conninfo: str,
        base: str,
        *,
        referential_integrity: bool = True,
        now: Callable[[], int] = _now,
        connections: int = 8,
        at_once: bool = True,
    ) -> None:
        """conninfo: of libpq, URL or key=value; base: absolute FHIR base URL; now: microseconds since 1970 UTC.

        at_once: transactions are on disk when they are committed; else soon after, in their order.
        """
        self.base, self.referential_integrity, self.now = base, referential_integrity, now
        self._points = Pool(_conninfo(conninfo, _POINT), 4)
        self._probing = Pool(_conninfo(conninfo, _PROBING), connections)
        self._bitmaps = Pool(_conninfo(conninfo, f"{_PROBING} -c enable_bitmapscan=on"), min(4, connections))
        self._searches = Pool(_conninfo(conninfo, _SEARCH), connections)
        self._units = Pool(_conninfo(conninfo, _POINT if at_once else f"{_POINT} {_SOON}"), connections)
        self.intake = Intake(self._points.run)
        self.searches = Searches(self._probed, self._points.run)
        self.rids = Rids(self._points)
        self.parameter_sets = ParameterSets(self._points)
        self._loaders: dict[Hashable, Loader[tuple[str, str], Version]] = {}
        self._groups = GroupCommit(self._commit)
        self._conninfo = conninfo
        self.expansions = Expansions()
        self.totals = Totals()
        self._pairs = Pairs()
        self._explained = count()
        self._learned = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        self.on_write: Callable[[], None] = _nothing
        """Called after each commit of this process."""

    def close(self) -> None:
        """Closes all connections."""
        for pool in (self._points, self._probing, self._bitmaps, self._searches, self._units):
            pool.close()

    async def read(self, access: Access, resource_type: str, id: str) -> Version | None:
        """As Reader.read; reads that wait at the same moment share one query."""
        # Whoever sees the same may share a query.
        whose = sight(access)
        loader = self._loaders.get(whose)
        if loader is None:
            if len(self._loaders) >= _MOST_LOADERS:
                self._loaders.clear()  # those at work go on without being listed

            async def fetch(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Version]:
                [rows] = await self._points.run([store_reads.current(access, keys)])
                return {keys[n]: version for n, version in store_reads.current_versions(keys, rows)}

            loader = self._loaders[whose] = Loader(fetch)
        return await loader.load((resource_type, id))

    async def select(self, statement: Statement) -> list[Row]:
        """As Reader.select, read-only. Raises StaleParameters, and knows the current ones then."""
        pool = self._pool(statement)
        if statement.generation is None:
            [rows] = await pool.run([statement])
            return rows
        try:
            # Afterwards: rows of a parameter go only when it has long been out of force.
            rows, _ = await pool.run([statement, registry.proof(statement.generation)])
        except DatabaseError as error:
            raise await self.learned(error) from error
        return rows

    async def _probed(self, asked: Sequence[Statement]) -> list[list[Row]]:
        """Rows of statements that one plan serves, read-only, in one round trip. Raises as `select`."""
        generations = {one.generation for one in asked} - {None}
        proofs = [registry.proof(one) for one in generations if one is not None]
        try:
            return (await self._probing.run([*asked, *proofs]))[: len(asked)]
        except DatabaseError as error:
            raise await self.learned(error) from error

    async def explain(self, statement: Statement, options: str) -> list[Row]:
        """What EXPLAIN says of a search that runs as it does: prepared, planned for its values only where it is."""
        name = f"explained{next(self._explained)}"
        quoted = (one and "'" + one.decode().replace("'", "''") + "'" for one in statement.parameters)
        values = ["null" if one is None else one or "''" for one in quoted]
        execute = f"execute {name}" + (f"({', '.join(values)})" if values else "")
        texts = (f"prepare {name} as {statement.text}", f"explain ({options}) {execute}", f"deallocate {name}")
        _, rows, _ = await self._pool(statement).run([Statement(text) for text in texts])
        return rows

    def _pool(self, statement: Statement) -> Pool:
        if statement.generic:
            return self._bitmaps if statement.bitmaps else self._probing
        return self._searches

    async def learn(self) -> None:
        """Puts the search parameters, policies and keys in force that the record defines now."""
        asked = time.monotonic()
        asking = [Statement(registry.IN_FORCE), policies.question(), glass.question(), keys_question()]
        parameters, rows, broken, encrypting = await self._points.run(asking)
        keys_learned(encrypting, self._conninfo)
        policies.learned(rows)
        glass.learned(broken)
        self._learned = asked
        found = registry.read(parameters)
        if self.ignorant or found[0][0] != current().generation or current().pending:
            use(registry.table_of(found, self._conninfo))

    async def refresh(self) -> None:
        """As `learn`; all who come while it is under way share it, for they ask for what was in force a moment ago."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self.learn())
        await asyncio.shield(self._refreshing)  # who leaves does not end it for the others
        if self.outdated:  # it was begun too long before
            await self.learn()

    @property
    def outdated(self) -> bool:
        """Whether policies may have changed longer ago than they may go on unnoticed."""
        return time.monotonic() - self._learned > STALE_SECONDS

    @property
    def ignorant(self) -> bool:
        """Whether this process has not read the search parameters of this record."""
        return current().source != self._conninfo

    async def learned(self, error: DatabaseError) -> Exception:
        """The error; for one that says that the search parameters known are old, StaleParameters, and they are read."""
        if error.sqlstate != registry.STALE:
            return error
        await self.learn()
        return StaleParameters()

    async def note(self, statement: Statement) -> None:
        """Commits a statement that has to do with no resource."""
        await self._points.run([statement])

    async def connection(self) -> Connection:
        """A connection of its own, for who holds a lock of the session. Raises ConnectionLost."""
        connection = Connection(_conninfo(self._conninfo, _POINT))
        await connection.open()
        return connection

    async def write(self, change: Change) -> Version:
        """Commits one change, with whatever else is waiting.

        Raises VersionConflict, MissingReferences, StillReferenced, StaleParameters, ConnectionLost (outcome not known).
        """
        if self.ignorant:
            await self.learn()
        for _ in range(ATTEMPTS):
            try:
                return await self._write_or_replace(change)
            except StaleParameters:
                await self.learn()
        return await self._write_or_replace(change)

    async def _write_or_replace(self, change: Change) -> Version:
        try:
            return await self._write(change)
        except VersionConflict:
            if change.previous is not None:
                raise
            placeholder = await self._placeholder(change)
            if placeholder is None:
                raise
            return await self._write(
                Change(change.type, change.id, change.method, change.resource, previous=placeholder)
            )

    async def _write(self, change: Change) -> Version:
        try:
            return await self._write_once(change)
        except MissingReferences as error:
            if not await self.rids.stale(error.targets):
                raise
            return await self._write_once(change)

    async def _write_once(self, change: Change) -> Version:
        rid = change.previous.rid if change.previous else await self.rids.new()
        write = prepare(change, self.base, rid, self.now())
        own = {(change.type, change.id): rid}
        await self.resolve([write], own)
        await self.parameter_sets.number([write])
        return await self._groups.write(write)

    async def resolve(
        self, writes: Sequence[Write], own: dict[tuple[str, str], int], *, run: Run | None = None
    ) -> None:
        """Gives the writes the rids they need; `own` are those of resources written together with them.

        Raises MissingReferences for what does not exist, unless referential integrity is off.
        """
        needed = {target for write in writes for target in targets(write)} - own.keys()
        rids = await self.rids.resolve(needed, create=not self.referential_integrity, run=run) if needed else {}
        rids.update(own)
        if missing := [
            (index, "/".join(target))
            for index, write in enumerate(writes)
            for target in sorted(write.references)
            if target not in rids
        ]:
            raise MissingReferences(missing)
        for write in writes:
            write.rids = rids

    async def _placeholder(self, change: Change) -> Version | None:
        """The row that stands for a resource nobody has created, only referred to."""
        statement = store_reads.current(UNRESTRICTED, [(change.type, change.id)], placeholders=True)
        [rows] = await self._points.run([statement])
        for _, version in store_reads.current_versions([(change.type, change.id)], rows):
            return version if version.version_id == 0 else None
        return None

    async def note_pairs(self, writes: Sequence[Write]) -> None:
        """Commits the codes that occur together for the first time, before what has them is written."""
        if new := self._pairs.unknown(pair for write in writes for pair in write.pairs):
            await self._points.run([pairs_noted(new)])
            self._pairs.learned(new)

    async def _commit(self, writes: Sequence[Write]) -> None:
        await self.note_pairs(writes)
        batch = statements(writes, integrity=self.referential_integrity)
        for attempt in range(4):
            try:
                await self._points.run(batch)
                self.on_write()
                if defines(writes):
                    await self.learn()
                return
            except DatabaseError as error:
                if not error.retryable or attempt == 3:
                    raise explained(error, writes) from error

    @asynccontextmanager
    async def transaction(self, access: Access) -> AsyncIterator[Unit]:
        """A unit of work over several round trips: committed at the end, rolled back on any exception.

        Raises RetryTransaction when the database broke a deadlock at our cost; the caller runs the whole again.
        """
        if self.ignorant:
            await self.learn()
        async with self._units.reserve() as connection:
            unit = Unit(self, access, connection)
            try:
                yield unit
                await unit.finish("commit")
                self.on_write()
                if unit.defined:
                    await self.learn()
            except BaseException as error:
                unit.abandon()
                if isinstance(error, DatabaseError) and error.retryable:
                    raise RetryTransaction from error
                raise


def _conninfo(conninfo: str, options: str) -> str:
    return make_conninfo(conninfo, options=options, application_name="hub", client_encoding="UTF8")
