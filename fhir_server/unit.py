"""Unit: reads and writes of several round trips as one database transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fhir_server import store_reads
from fhir_server.arrays import int8_array
from fhir_server.postgres import Connection, DatabaseError, Row
from fhir_server.reader import Reader
from fhir_server.rids import explained
from fhir_server.search import registry
from fhir_server.statement import Statement
from fhir_server.store_errors import MissingReferences, RetryTransaction, StaleParameters
from fhir_server.version import Change, Version
from fhir_server.write import Write, prepare
from fhir_server.write_set import statements
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.store import ResourceStore

_LOCK = "select pg_advisory_xact_lock(key) from unnest($1::bigint[]) key"
_BLOCKING = 2000
"""Changes in one write from which on its statements are made in a thread."""


def defines(writes: Sequence[Write]) -> bool:
    """Whether a SearchParameter is among them."""
    return any(write.change.type == "SearchParameter" for write in writes)


class Unit(Reader):
    """One database transaction: READ COMMITTED, begun with the first statement."""

    def __init__(self, store: ResourceStore, access: Access, connection: Connection) -> None:
        self._store, self._access, self._connection = store, access, connection
        self.base = store.base
        self.expansions = store.expansions
        self._begun = False
        self._own: dict[tuple[str, str], int] = {}
        self.defined = False
        """Whether it has written a SearchParameter."""

    async def run(self, batch: list[Statement]) -> list[list[Row]]:
        """Rows of each statement of a pipeline."""
        if self._begun:
            return await self._connection.send(batch)
        self._begun = True
        return (await self._connection.send([Statement("begin"), *batch]))[1:]

    async def lock(self, keys: Sequence[int]) -> None:
        """Takes advisory locks (64-bit keys) until the end of the transaction, in one order for everybody."""
        if keys:
            await self.run([Statement(_LOCK, (int8_array(sorted(set(keys))),), binary=True)])

    async def select(self, statement: Statement) -> list[Row]:
        """Rows of a statement, columns in binary format; sees the unit's own writes. Raises StaleParameters."""
        if statement.generation is None:
            [rows] = await self.run([statement])
            return rows
        try:
            rows, _ = await self.run([statement, registry.proof(statement.generation)])
        except DatabaseError as error:
            raise await self._store.learned(error) from error
        return rows

    async def read(self, access: Access, resource_type: str, id: str) -> Version | None:
        """As ResourceStore.read, seeing the unit's own writes."""
        return (await self.read_as(access, [(resource_type, id)]))[0]

    async def read_many(self, keys: Sequence[tuple[str, str]]) -> list[Version | None]:
        """The current version of each (type, id), in order; None if unknown or not visible."""
        return await self.read_as(self._access, keys)

    async def read_as(self, access: Access, keys: Sequence[tuple[str, str]]) -> list[Version | None]:
        """As `read_many`, for another access than that of the unit."""
        found: list[Version | None] = [None] * len(keys)
        if keys:
            rows = await self.select(store_reads.current(access, keys))
            for n, version in store_reads.current_versions(keys, rows):
                found[n] = version
        return found

    async def write(self, changes: Sequence[Change]) -> list[Version]:
        """Writes all changes, which may refer to each other; they become visible to others at commit.

        Raises VersionConflict, MissingReferences, StillReferenced, StaleParameters; the unit is then of no further use.
        """
        store = self._store
        new = sum(change.previous is None for change in changes)
        fresh = iter(await store.rids.many(new))
        now = store.now()
        writes = []
        for change in changes:
            rid = change.previous.rid if change.previous else next(fresh)
            writes.append(prepare(change, store.base, rid, now))
        return await self.write_prepared(writes)

    async def write_prepared(self, writes: Sequence[Write]) -> list[Version]:
        """As `write`, for changes made ready by `write.prepare` with rids of `store.rids`."""
        store = self._store
        self.defined = self.defined or defines(writes)
        self._own.update({(write.change.type, write.change.id): write.version.rid for write in writes})
        await store.resolve(writes, self._own)
        await store.parameter_sets.number(writes)
        await store.note_pairs(writes)
        try:
            if len(writes) < _BLOCKING:
                await self.run(statements(writes, integrity=store.referential_integrity))
            else:  # packing this many rows would hold up everybody else
                await self.run(await asyncio.to_thread(statements, writes, integrity=store.referential_integrity))
        except DatabaseError as error:
            reason = explained(error, writes)
            if isinstance(reason, StaleParameters):
                await store.learn()
            if isinstance(reason, MissingReferences) and await store.rids.stale(reason.targets):
                raise RetryTransaction from error
            raise reason from error
        return [write.version for write in writes]

    async def finish(self, how: str) -> None:
        """Ends the transaction: commit or rollback."""
        if self._begun:
            self._begun = False
            await self._connection.send([Statement(how)])

    def abandon(self) -> None:
        """Rolls back without waiting."""
        if self._begun:
            self._begun = False
            self._connection.roll_back()
