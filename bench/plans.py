"""How PostgreSQL answers a search: its plan as it ran, the rows it read, in a line. https://www.postgresql.org/docs/current/using-explain.html"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.search.query import parse_query
from fhir_server.search.select import select
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED

BASE = "http://127.0.0.1:8080/fhir"


@dataclass(frozen=True)
class Scan:
    """One place of a plan where rows of a table were read."""

    what: str
    """Index, or table where it was read as a whole."""
    loops: int
    rows: int
    """Over all loops, those that a filter removed included."""


@dataclass(frozen=True)
class Plan:
    """A plan as it ran."""

    returned: int
    scans: tuple[Scan, ...]
    """In the order of the plan; those never reached are left out."""
    pages: int = 0
    """Pages of tables and indexes touched: entries of an index that are passed over are no rows, but take pages."""

    @property
    def read(self) -> int:
        """Rows read in all."""
        return sum(scan.rows for scan in self.scans)

    @property
    def line(self) -> str:
        """In words: `token_code 21, resource_pkey 21 x 1`."""
        return ", ".join(
            f"{scan.what} {scan.rows}" + (f" in {scan.loops}" if scan.loops > 1 else "") for scan in self.scans
        )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def plan_of(root: Mapping[str, Any]) -> Plan:
    """The tree that EXPLAIN (ANALYZE, FORMAT JSON) gives, as a Plan."""
    scans = []
    for node in _nodes(root):
        loops = node["Actual Loops"]
        if ("Relation Name" not in node and "Index Name" not in node) or not loops:
            continue
        if node["Node Type"] == "Bitmap Heap Scan":
            continue  # its rows are those of the index below
        each = node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
        scans.append(Scan(node.get("Index Name") or f"all of {node['Relation Name']}", loops, round(each * loops)))
    pages = root.get("Shared Hit Blocks", 0) + root.get("Shared Read Blocks", 0)
    return Plan(round(root["Actual Rows"] * root["Actual Loops"]), tuple(scans), pages)


def statement_of(resource_type: str | None, parameters: list[tuple[str, str]]) -> Statement:
    """The statement of a search. Raises Invalid."""
    return select(parse_query(resource_type, parameters), UNRESTRICTED, BASE)


async def explained(store: ResourceStore, statement: Statement) -> Plan:
    """Runs the statement and tells how."""
    [[row]] = await store.explain(statement, "analyze, buffers, timing off, format json")
    return plan_of(json.loads(row)[0]["Plan"])
