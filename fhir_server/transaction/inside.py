"""The store as it is seen from inside a transaction: reading that sees what the transaction wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhir_server.postgres import Row
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.unit import Unit
from fhir_server.version import Change, Version
from smart_auth.scopes import Access


class Inside(ResourceStore):
    """Reads through a unit, so that the reading interactions need not know where they are; writes nothing."""

    again = False

    def __init__(self, store: ResourceStore, unit: Unit) -> None:
        """Without connections of its own."""
        self.base, self.referential_integrity = store.base, store.referential_integrity
        self._unit = unit
        self._conninfo, self._points = store._conninfo, store._points

    async def read(self, access: Access, resource_type: str, id: str) -> Version | None:
        """As ResourceStore.read."""
        return await self._unit.read(access, resource_type, id)

    async def select(self, statement: Statement) -> list[Row]:
        """As ResourceStore.select."""
        return await self._unit.select(statement)

    @asynccontextmanager
    async def transaction(self, access: Access) -> AsyncIterator[Unit]:
        """The transaction that is under way, up to here: an exception undoes only what was done inside."""
        await self._unit.run([Statement("savepoint inside")])
        try:
            yield self._unit
        except BaseException:
            await self._unit.run([Statement("rollback to savepoint inside")])
            raise
        await self._unit.run([Statement("release savepoint inside")])

    async def write(self, change: Change) -> Version:
        """Never: what reads must not write."""
        raise RuntimeError("a reading entry of a transaction tried to write")
