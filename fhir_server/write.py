"""One change made ready to be written: its new version, and the index rows that come and go with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_server.audit.trail import TRAIL, Trail
from fhir_server.encryption.withheld import withheld
from fhir_server.index_tables import COLUMNS
from fhir_server.references import local_reference, references_of
from fhir_server.search import registry
from fhir_server.search.contained import MARK
from fhir_server.search.index import custom_rows, index_rows
from fhir_server.search.pairs import Pair, pairs_of
from fhir_server.search.parameters import current
from fhir_server.search.presence import UNKNOWN, having
from fhir_server.search.rows import Rows
from fhir_server.version import Change, Version, stamped
from mappings.r4 import Json, parse

UNINDEXED = 0
"""param_id of references that no search parameter covers; they count for referential integrity only."""

IndexRows = dict[str, Collection[tuple[Any, ...]]]
"""Search table -> its rows, none twice; references and patients by type and id, not yet by rid."""


@dataclass(slots=True)
class Write:
    """One change made ready: the new version and the index rows that come and go."""

    change: Change
    version: Version
    added: IndexRows
    removed: IndexRows
    references: set[tuple[str, str]]
    """(type, id) of everything the new version refers to on this server."""
    moved: bool = False
    """It is no longer in the compartments of the same patients as before."""
    rids: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """rid of each of its `targets`; filled in before it is written."""
    generation: int = 0
    """Of the search parameters it was indexed by."""
    parameter: str | None = None
    """Of a SearchParameter the definition it puts in force."""
    trail: Trail | None = None
    """Of the request that asked for it."""
    base: str = ""
    """Own FHIR base URL."""
    having: frozenset[int] = frozenset()
    """param_ids of the rows that the new version has."""
    parameter_set: int = UNKNOWN
    """Number of the set of them; filled in before it is written."""
    pairs: Collection[Pair] = ()
    """Codes that occur together in it."""


def by_table(rows: Rows) -> IndexRows:
    """The rows by table, without tables that have none."""
    return {table: found for table in COLUMNS if (found := getattr(rows, table))}


def prepare(change: Change, base: str, rid: int, now: int) -> Write:
    """The change as the write it causes. `rid` is for a resource that has none yet; `now` in microseconds.

    Raises Unprocessable for a SearchParameter that cannot be put in force.
    """
    generation = current().generation  # before the rows: they may be by newer ones, never by older ones
    previous = change.previous
    version_id, last_updated = 1, now
    removed: IndexRows = {}
    if previous is not None:
        rid, version_id = previous.rid, previous.version_id + 1
        last_updated = max(now, previous.last_updated + 1)  # clocks step back, versions do not
        if previous.body is not None:
            removed, _ = indexed(change.before or parse(previous.body), previous.body, base)
    body: bytes | None = None
    added: IndexRows = {}
    references: set[tuple[str, str]] = set()
    own: frozenset[int] = frozenset()
    if change.resource is not None:
        body = stamped(change.resource, change.type, change.id, version_id, last_updated)
        added, references = indexed(change.resource, body, base)
        own = having(added)
    pairs = pairs_of(change.type, added.get("token", ()))
    for table in added.keys() & removed.keys():
        new, old = set(added[table]), set(removed[table])
        added[table], removed[table] = new - old, old - new
    version = Version(change.type, change.id, rid, version_id, last_updated, change.method, body)
    write = Write(
        change, version, added, removed, references, _moved(previous, added, removed),
        generation=generation, trail=TRAIL.get(), base=base, having=own, pairs=pairs,
    )  # fmt: skip
    if change.type == "SearchParameter":
        write.parameter = registry.asked(change.resource, change.id, current())
    return write


def _moved(previous: Version | None, added: Mapping[str, Any], removed: Mapping[str, Any]) -> bool:
    """Whether a change of what is referred to may take the resource out of a compartment, or into one.

    Of what is restored nobody knows any more where it was.
    """
    if previous is None or previous.version_id == 0:
        return False
    if previous.body is None:
        return True
    return any(row[1] == "Patient" for rows in (added, removed) for row in rows.get("reference", ()))


def indexed(resource: Json, body: bytes, base: str) -> tuple[IndexRows, set[tuple[str, str]]]:
    """Index rows of a resource and its stored body, and the (type, id) of everything referred to on this server."""
    found = index_rows(resource, base)
    references = {target for text in references_of(body) if (target := local_reference(text, base))}
    unindexed = references.difference([row[1:] for row in found.reference])
    found.reference += [(UNINDEXED, *target) for target in unindexed]
    rows = by_table(found)
    if found.contained:
        rows |= _contained(found)
    rows = withheld(rows, resource, body, tokens=False)
    further = custom_rows(resource, base)
    if further is not None:
        for table, more in withheld(by_table(further), resource, body, tokens=True).items():
            rows[table] = [*rows.get(table, ()), *more]
    return rows, references


def _contained(found: Rows) -> IndexRows:
    """The rows of contained resources under "#token" and so on, their place first; links among them under "#"."""
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for place, below in found.contained:
        for table in COLUMNS:
            rows[MARK + table] += ((place, *row) for row in getattr(below, table))
    rows[MARK] += found.links
    return {table: some for table, some in rows.items() if some}


def targets(write: Write) -> set[tuple[str, str]]:
    """(type, id) of every resource whose rid the write's rows need."""
    # A patient a row is about is referred to as well, by this version or by the one before it.
    removed = write.removed.get("reference")
    return write.references.union([row[1:] for row in removed]) if removed else write.references
