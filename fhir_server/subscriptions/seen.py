"""One version as matching sees it: its index rows with named columns, without going to the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhir_server import index_tables
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.index import custom_rows, index_rows
from fhir_server.search.rows import Rows
from mappings.r4 import Json

COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(name for name in columns if name != "rid") for table, columns in index_tables.COLUMNS.items()
} | {"reference": ("param_id", "target_type", "target_id")}
"""Search table -> names of the columns of `Rows`, in its order; a reference names its target."""

_NUMERIC = frozenset({"quantity", "number", "composite"})


@dataclass(slots=True)
class Seen:
    """A version that came about."""

    sequence: int
    """In the outbox."""
    type: str
    id: str
    rid: int
    version_id: int
    method: str
    last_updated: int
    resource: dict[str, Json] | None
    """Its content; of a deletion the content it took away. None: nobody asked for it, or it is no longer there."""
    base: str
    _rows: tuple[Rows, Rows] | None = None
    _tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def rows(self, table: str, param_ids: frozenset[int] | None) -> Iterable[dict[str, Any]]:
        """Its rows in a search table, as column -> value; param_ids: only those of these parameters."""
        found = self._tables.get(table)
        if found is None:
            found = self._tables[table] = list(self._read(table))
        return found if param_ids is None else (row for row in found if row["param_id"] in param_ids)

    def _read(self, table: str) -> Iterator[dict[str, Any]]:
        if table == "resource":
            yield {"fhir_id": self.id, "last_updated": self.last_updated, "rid": self.rid}
            return
        if self.resource is None:
            return
        if self._rows is None:
            self._rows = index_rows(self.resource, self.base), custom_rows(self.resource, self.base) or Rows()
        names, numeric = COLUMNS[table], table in _NUMERIC
        for found in (one for rows in self._rows for one in getattr(rows, table)):
            values = (Decimal(one) if isinstance(one, str) else one for one in found) if numeric else found
            row = dict(zip(names, values, strict=True))
            if table == "reference":
                row["target_type_id"] = TYPE_ID[row["target_type"]]
            yield row

    def targets(self, param_ids: frozenset[int]) -> list[tuple[str, str]]:
        """(type, id) of what it refers to by these parameters."""
        return [(row["target_type"], row["target_id"]) for row in self.rows("reference", param_ids)]
