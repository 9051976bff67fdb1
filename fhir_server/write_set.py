"""A set of changes as the statements that write them: versions, index rows, outbox, in one pipeline and transaction."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from fhir_server.arrays import bytea_array, int2_array, int4_array, int8_array, text_array
from fhir_server.audit.event import Event
from fhir_server.audit.intake import store
from fhir_server.audit.trail import TRAIL, Trail
from fhir_server.compression import compress
from fhir_server.consent import stored
from fhir_server.index_tables import COLUMNS, deletions, insertions
from fhir_server.labels.given import bits
from fhir_server.outcome import Unprocessable
from fhir_server.resource_types import TYPE_ID
from fhir_server.search import registry
from fhir_server.search.contained import MARK, rid_of
from fhir_server.search.index import custom_rows, index_rows
from fhir_server.search.pairs import Pair, pairs_of
from fhir_server.search.parameters import current
from fhir_server.search.presence import UNKNOWN, having
from fhir_server.search.registry import IS_CURRENT
from fhir_server.search.rows import ITSELF, Rows
from fhir_server.statement import Statement
from fhir_server.subscriptions.owned import owned
from fhir_server.version import Change, Version, stamped
from mappings.r4 import Json, parse

UNINDEXED = 0
"""param_id of references that no search parameter covers; they count for referential integrity only."""

_CREATE = """
insert into resource (rid, type_id, fhir_id, version, last_updated, method, body, parameter_set)
select * from unnest(
  $1::bigint[], $2::smallint[], $3::text[], $4::integer[], $5::bigint[], $6::text[], $7::bytea[], $8::smallint[])"""

_REPLACE = """
with change as (
  select * from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[], $6::smallint[])
    c(rid, version, last_updated, method, body, parameter_set)),
old as (
  select r.rid, r.type_id, r.version, r.last_updated, r.method, r.body
  from change c join resource r on r.rid = c.rid where r.version = c.version - 1 for {strength} of r),
kept as (
  insert into resource_version (rid, type_id, version, last_updated, method, body)
  select rid, type_id, version, last_updated, method, body from old where version > 0),
done as (
  update resource r set version = c.version, last_updated = c.last_updated, method = c.method, body = c.body,
    parameter_set = c.parameter_set
  from old join change c on c.rid = old.rid where r.rid = old.rid returning r.rid)
select hub_expect((select count(*) from done), cardinality($1::bigint[]))"""

# A deletion takes the stronger lock, so that it waits for writers that hold a key share on what it deletes.
_UPDATE, _DELETE = _REPLACE.format(strength="no key update"), _REPLACE.format(strength="update")
_REQUIRE = "select hub_require($1::bigint[])"
_UNREFERENCED = "select hub_unreferenced($1::bigint[], $2::integer[])"
_MOVED = """
insert into moved (rid, version) select * from unnest($1::bigint[], $2::integer[])
on conflict (rid) do update set version = excluded.version"""
_LABELS = """
insert into label (rid, labels) select * from unnest($1::bigint[], $2::smallint[])
on conflict (rid) do update set labels = excluded.labels"""
_OUTBOX = f"""
insert into outbox (rid, version, type_id, method)
select * from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::text[]) where {IS_CURRENT.replace("$1", "$5")}"""


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


def references_of(body: bytes) -> Iterator[str]:
    """Every Reference.reference in a resource as it is stored, contained resources included."""
    # Stored JSON has no blanks between its tokens and escapes quotes within texts: these bytes are always a member.
    _, *after = body.split(b'"reference":"')
    for rest in after:
        end = rest.index(b'"')
        if b"\\" in rest[:end]:
            yield json.JSONDecoder().raw_decode('"' + rest.decode())[0]
        else:
            yield rest[:end].decode()


@lru_cache(maxsize=8192)
def local_reference(reference: str, base: str) -> tuple[str, str] | None:
    """(type, id) of a reference to a resource of this server, else None."""
    if reference.startswith(base) and reference[len(base) : len(base) + 1] == "/":
        reference = reference[len(base) + 1 :]
    parts = reference.split("/")
    if len(parts) == 2 or (len(parts) == 4 and parts[2] == "_history"):
        return (parts[0], parts[1]) if parts[0] in TYPE_ID and parts[1] else None
    return None


def prepare(change: Change, base: str, rid: int, now: int) -> Write:
    """The change as the write it causes. `rid` is for a resource that has none yet; `now` in microseconds.

    Raises Unprocessable for a SearchParameter that cannot be put in force.
    """
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
        generation=current().generation, trail=TRAIL.get(), base=base, having=own, pairs=pairs,
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
    further = custom_rows(resource, base)
    if further is not None:
        for table, more in by_table(further).items():
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


def statements(writes: Sequence[Write], *, integrity: bool, inbound: Sequence[int]) -> list[Statement]:
    """The pipeline that writes all of them.

    inbound: param_id of every parameter that may refer to what is deleted.
    The database raises HB001 for a version conflict, HB002 for a missing target, HB003 for a target still in use, HB004
    for search parameters that have changed.
    """
    batch: list[Statement] = []
    ordered = sorted(writes, key=lambda write: write.version.rid)  # one lock order for everybody
    created = [write for write in ordered if write.change.previous is None]
    updated = [w for w in ordered if w.change.previous is not None and w.version.body is not None]
    deleted = [w for w in ordered if w.change.previous is not None and w.version.body is None]
    if created:
        batch.append(_versions(_CREATE, created, identity=True))
    if updated:
        batch.append(_versions(_UPDATE, updated))
    if deleted:
        batch.append(_versions(_DELETE, deleted))
    if moved := [write.version for write in ordered if write.moved]:
        found = (int8_array([v.rid for v in moved]), int4_array([v.version_id for v in moved]))
        batch.append(Statement(_MOVED, found, binary=True))
    if labels := [(write.version.rid, own_bits) for write in ordered if (own_bits := _labels(write)) is not None]:
        columns = (int8_array([rid for rid, _ in labels]), int2_array([found for _, found in labels]))
        batch.append(Statement(_LABELS, columns, binary=True))
    batch += _consents(ordered)
    batch += [
        owned(write.version.rid, write.trail.owner, write.version.last_updated)
        for write in ordered
        if write.change.type == "Subscription" and write.trail is not None and write.trail.owner
    ]
    own = {write.version.rid for write in writes if write.version.body is not None}
    required = {write.rids[target] for write in writes for target in write.references} - own
    if integrity and required:
        batch.append(Statement(_REQUIRE, (int8_array(sorted(required)),), binary=True))
    added: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    removed: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for write in ordered:
        _resolve(write.removed, write, removed)
        _resolve(write.added, write, added)
    batch += deletions(removed)
    batch += insertions(added)
    if integrity and deleted:
        batch.append(
            Statement(_UNREFERENCED, (int8_array([w.version.rid for w in deleted]), int4_array(inbound)), binary=True)
        )
    versions = [write.version for write in ordered]
    batch.append(
        Statement(
            _OUTBOX,
            (
                int8_array([v.rid for v in versions]),
                int4_array([v.version_id for v in versions]),
                int2_array([TYPE_ID[v.type] for v in versions]),
                text_array([v.method for v in versions]),
                min(write.generation for write in writes).to_bytes(8, "big", signed=True),
            ),
            binary=True,
        )
    )
    parameters = [(write.version.rid, write.parameter) for write in ordered if write.change.type == "SearchParameter"]
    if parameters:
        if registry.clash(parameters):
            raise Unprocessable("SearchParameters written together have a url or a code in common", code="duplicate")
        batch.append(registry.change(writes[0].generation, parameters))
    if events := _events(ordered):
        batch.append(store(events))
    return batch


def _consents(writes: Sequence[Write]) -> list[Statement]:
    """What the consents among them come to, instead of what they came to before."""
    found = [write for write in writes if write.change.type == "Consent"]
    batch: list[Statement | None] = []
    if former := [write.version.rid for write in found if write.change.previous is not None]:
        batch.append(stored.removed(former))
    for write in found:
        local = partial(local_reference, base=write.base)
        version = write.version
        batch.append(stored.added(version.rid, write.change.resource, version.last_updated, local, write.rids))
    return [one for one in batch if one is not None]


def _labels(write: Write) -> int | None:
    """The labels of the new version, if they are others than before; what is deleted keeps them."""
    change = write.change
    if change.resource is None:
        return None
    now = bits(change.resource)
    return now if now != bits(change.before) else None


def _events(writes: Sequence[Write]) -> list[Event]:
    """For each request what it writes here, and whom that concerns, as things were before and are now."""
    by_trail: dict[int, tuple[Trail, list[Write]]] = {}
    for write in writes:
        if write.trail is not None:
            by_trail.setdefault(id(write.trail), (write.trail, []))[1].append(write)
    return [
        trail.wrote(
            [(write.version.rid, write.version.version_id, write.version.method) for write in own],
            sorted({rid for write in own for rid in _patients(write)}),
        )
        for trail, own in by_trail.values()
    ]


def _patients(write: Write) -> set[int]:
    rows = [*write.added.get("reference", ()), *write.removed.get("reference", ())]
    found = {write.rids[row[1], row[2]] for row in rows if row[1] == "Patient"}
    return found | {write.version.rid} if write.version.type == "Patient" else found


def resolved_rows(writes: Sequence[Write]) -> dict[str, list[tuple[Any, ...]]]:
    """The index rows that come, as the tables have them; the writes know their rids."""
    added: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for write in writes:
        _resolve(write.added, write, added)
    return added


def _versions(text: str, writes: Sequence[Write], *, identity: bool = False) -> Statement:
    versions = [write.version for write in writes]
    rid = int8_array([v.rid for v in versions])
    new = (
        int4_array([v.version_id for v in versions]),
        int8_array([v.last_updated for v in versions]),
        text_array([v.method for v in versions]),
        bytea_array([None if v.body is None else compress(v.body) for v in versions]),
        int2_array([write.parameter_set for write in writes]),
    )
    if identity:
        names = (int2_array([TYPE_ID[v.type] for v in versions]), text_array([v.id for v in versions]))
        return Statement(text, (rid, *names, *new), binary=True)
    return Statement(text, (rid, *new), binary=True)


def _resolve(rows: IndexRows, write: Write, into: defaultdict[str, list[tuple[Any, ...]]]) -> None:
    """Adds rows with names turned into rids and the resource's own rid at the end."""
    version, rids = write.version, write.rids
    own = (version.rid,)
    for table, found in rows.items():
        if table[0] == MARK:
            _resolve_contained(table[1:], found, write, into)
        elif table == "reference":
            into[table] += [(row[0], rids[row[1], row[2]], version.rid) for row in found]
        elif table == "patient_value":
            into[table] += [(rids["Patient", row[0]], *row[1:], version.rid) for row in found]
        elif table == "patient_date":
            type_id = TYPE_ID[version.type]
            into[table] += [(rids["Patient", row[0]], type_id, *row[1:], version.rid) for row in found]
        else:
            into[table] += [row + own for row in found]


def _resolve_contained(
    table: str, rows: Collection[tuple[Any, ...]], write: Write, into: defaultdict[str, list[tuple[Any, ...]]]
) -> None:
    """Adds rows of contained resources, and references between them and to them (table "")."""
    container = write.version.rid

    def rid(place: int) -> int:
        return container if place == ITSELF else rid_of(container, place)

    if not table:
        into["reference"] += [(param_id, rid(target), rid(source)) for source, param_id, target in rows]
    elif table == "reference":
        into[table] += [(param_id, write.rids[name, id], rid(place)) for place, param_id, name, id in rows]
    else:
        into[table] += [(*row, rid(place)) for place, *row in rows]
