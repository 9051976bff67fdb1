"""A set of changes as the statements that write them: versions, index rows, outbox, in one pipeline and transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cache, partial
from typing import Any

from fhir_server.arrays import bytea_array, int2_array, int4_array, int8_array, text_array
from fhir_server.audit.event import Event
from fhir_server.audit.intake import store
from fhir_server.audit.trail import Trail
from fhir_server.compression import stored_form
from fhir_server.consent import stored
from fhir_server.index_tables import deletions, insertions
from fhir_server.labels.given import UNREVIEWED, bits
from fhir_server.labels.records import renewed
from fhir_server.outcome import Unprocessable
from fhir_server.references import local_reference
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search import registry
from fhir_server.search.contained import MARK, rid_of
from fhir_server.search.parameters import shipped
from fhir_server.search.registry import IS_CURRENT
from fhir_server.search.rows import ITSELF
from fhir_server.statement import Statement
from fhir_server.subscriptions.owned import names_of, owned
from fhir_server.write import UNINDEXED, IndexRows, Write

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
_LABELS = f"""
insert into label (rid, labels) select * from unnest($1::bigint[], $2::smallint[])
on conflict (rid) do update set labels = (label.labels & ~{UNREVIEWED}) | excluded.labels"""
_OUTBOX = f"""
insert into outbox (rid, version, type_id, method)
select * from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::text[]) where {IS_CURRENT.replace("$1", "$5")}"""


def statements(writes: Sequence[Write], *, integrity: bool) -> list[Statement]:
    """The pipeline that writes all of them; integrity: what is referred to must be there, and stay.

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
        owned(write.version.rid, names_of(write.trail.access), write.version.last_updated)
        for write in ordered
        if write.change.type == "Subscription" and write.trail is not None and not write.trail.access.unrestricted
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
    if standing := [write.version.rid for write in ordered if _stands_otherwise(write)]:
        batch.append(renewed(standing))
    if integrity and deleted:
        inbound = sorted({number for write in deleted for number in referring_parameters(write.change.type)})
        gone = int8_array([write.version.rid for write in deleted])
        batch.append(Statement(_UNREFERENCED, (gone, int4_array(inbound)), binary=True))
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


@cache
def referring_parameters(resource_type: str) -> tuple[int, ...]:
    """param_id of every reference parameter that may point to the type."""
    return (
        UNINDEXED,
        *(
            param_id
            for source in RESOURCE_TYPES
            for parameter in shipped(source).values()
            if parameter.type == "reference" and resource_type in parameter.types_of_target
            for param_id in parameter.ids_to((resource_type,))
        ),
    )


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


def _stands_otherwise(write: Write) -> bool:
    """Whether it may stand out otherwise in the records of patients than before."""
    if write.moved or _labels(write) is not None:
        return True
    previous = write.change.previous
    if previous is not None and previous.version_id:
        return False
    return len({row[2] for row in write.added.get("reference", ()) if row[1] == "Patient"}) > 1


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
        bytea_array([None if v.body is None else stored_form(v.body) for v in versions]),
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
