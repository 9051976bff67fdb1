"""Reading versions by one statement each, for whoever can run a statement: the store, or a transaction under way."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fhir_server import store_reads
from fhir_server.postgres import Row
from fhir_server.search.totals import Totals
from fhir_server.statement import Statement
from fhir_server.terminology.members import Expansions
from fhir_server.version import Version
from smart_auth.scopes import Access


class Reader(ABC):
    """What interactions that only read need of the record."""

    expansions: Expansions
    """Value sets of the record that were asked for."""
    totals: Totals | None = None
    """Totals that are kept: of what is committed only."""

    @abstractmethod
    async def select(self, statement: Statement) -> list[Row]:
        """Rows of a statement, columns in binary format. Raises DatabaseError (57014: took too long)."""

    @abstractmethod
    async def read(self, access: Access, resource_type: str, id: str) -> Version | None:
        """The current version, deleted ones too; None if unknown or not visible."""

    async def vread(self, access: Access, resource_type: str, id: str, version_id: int) -> Version | None:
        """One version of a resource; None if unknown or not visible."""
        rows = await self.select(store_reads.one_version(access, resource_type, id, version_id))
        return next(iter(store_reads.versions(rows)), None)

    async def history(
        self,
        access: Access,
        *,
        type: str | None = None,
        id: str | None = None,
        since: int | None = None,
        at: tuple[int, int] | None = None,
        count: int = 20,
        cursor: tuple[int, int, int] | None = None,
    ) -> list[Version]:
        """Versions newest first, at most `count`.

        since: not older than; at: current at some time in [low, high); cursor: (last_updated, rid, version_id) of the
        last version already shown. All instants in microseconds.
        """
        rows = await self.select(store_reads.history(access, type, id, since, at, count, cursor))
        return store_reads.versions(rows)
