"""Some resources at a time: the rows they should have, the rows they have, and the difference written.

First rows of a new parameter are written under a lock of the resource. Otherwise rows are compared in one snapshot, and
only resources that differ are locked; one that was changed meanwhile is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhir_server.arrays import int2_array, int4_array, int8_array
from fhir_server.compression import decompress
from fhir_server.encryption.withheld import withheld
from fhir_server.index_tables import COLUMNS, deletions, insertions
from fhir_server.labels.records import renewed
from fhir_server.postgres import DatabaseError, Row
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.contained import MARK, container
from fhir_server.search.index import custom_rows
from fhir_server.search.pairs import pairs_of
from fhir_server.search.parameters import current
from fhir_server.search.presence import having
from fhir_server.search.registry import proof
from fhir_server.search.totals import CHANGED
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.unit import Unit
from fhir_server.version import Change, Version
from fhir_server.write import IndexRows, Write, by_table, indexed
from fhir_server.write_set import resolved_rows
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

Rows = dict[str, list[tuple[Any, ...]]]
"""Table -> rows in the order of COLUMNS."""

_FRESH = """(r.version = 0 or (r.last_updated >= ($4::bigint[])[1] and (
  coalesce((select v.last_updated from resource_version v where v.rid = r.rid and v.version = 1), r.last_updated)
    >= ($4::bigint[])[1]
  or exists (select from resource_version v where v.rid = r.rid and v.body is null))))"""
"""The resource came about, or came back, after the run began ($4): others have indexed it, and it is not counted."""

NEXT = f"""
select r.rid, r.type_id, r.fhir_id, r.version, r.body, {_FRESH}, r.parameter_set
from resource r where r.type_id = ($1::smallint[])[1] and r.body is not null
  and r.rid > ($2::bigint[])[1] and r.rid <= ($3::bigint[])[1] order by r.rid limit ($5::bigint[])[1]"""
_THESE = """
select r.rid, r.type_id, r.fhir_id, r.version, r.body, false, r.parameter_set
from resource r where r.rid = any($1::bigint[]) and r.body is not null order by r.rid"""
_SETS = """
update resource r set parameter_set = s.number from unnest($1::bigint[], $2::smallint[]) s(rid, number)
where r.rid = s.rid"""
_LOCK = "select rid, version from resource where rid = any($1::bigint[]) order by rid for no key update"
COUNT = f"""
select count(*) from resource r where r.type_id = ($1::smallint[])[1] and r.body is not null
  and r.rid > ($2::bigint[])[1] and r.rid <= ($3::bigint[])[1] and not {_FRESH}"""

_VIEW = [
    Statement("set transaction isolation level repeatable read"),
    # Connections of the store plan for single keys; some tables have no index of rids and are read through.
    Statement("set local plan_cache_mode = force_custom_plan"),
    Statement("set local enable_seqscan = on"),
    Statement("set local enable_bitmapscan = on"),
    Statement("set local enable_hashjoin = on"),
]


@dataclass(frozen=True, slots=True)
class Part:
    """The resources of a type from one rid to another, as far as a chunk goes."""

    type: str
    after: int
    high: int
    started: int
    """When the run began, in microseconds."""
    limit: int

    def statement(self, text: str) -> Statement:
        """NEXT or COUNT of it."""
        numbers = [int8_array([number]) for number in (self.after, self.high, self.started)]
        parameters = (int2_array([TYPE_ID[self.type]]), *numbers, int8_array([self.limit]))
        return Statement(text, parameters if "$5" in text else parameters[:4], binary=True)


@dataclass(slots=True)
class Done:
    """What became of a chunk."""

    last: int | None = None
    """rid of its last resource; None: there was none left."""
    resources: int = 0
    counted: int = 0
    """Of them those that count at the end: there since before the run."""
    added: int = 0
    removed: int = 0
    differing: int = 0
    """Resources whose rows were not as they should be."""


@dataclass(slots=True)
class _Difference:
    version: int
    missing: Rows = field(default_factory=dict)
    surplus: Rows = field(default_factory=dict)
    parameter_set: int | None = None
    """The number it should have, if it has another."""


async def first_rows(store: ResourceStore, part: Part, only: frozenset[int], note: Any) -> Done:
    """Writes the rows that custom parameters have of a part's next resources, in one transaction with `note(done)`.

    only: param_id of the parameters. Raises RetryTransaction, StaleParameters.
    """
    lock = NEXT + " for no key update of r"
    done = Done()
    async with store.transaction(UNRESTRICTED) as unit:
        # The generation of the rows: what changes it later is seen by the proof.
        generation = current().generation
        [rows] = await unit.run([part.statement(lock)])
        writes = [_write(row, _custom(row, store.base, only)) for row in rows]
        await store.resolve(writes, {}, run=unit.run)
        found = resolved_rows(writes)
        _count(done, rows)
        done.added = sum(map(len, found.values()))
        # Whoever wrote one of them since the parameter is in force has written its rows.
        await _write_rows(store, unit, [*deletions(found), *insertions(found), note(done)], generation)
    return done


async def mended(store: ResourceStore, part: Part, only: frozenset[int] | None, note: Any) -> Done:
    """Compares all rows (`only`: those with these param_ids) of a part's next resources and writes what differs.

    Raises RetryTransaction, StaleParameters.
    """
    done = Done()
    rows, differing = await differences(store, part.statement(NEXT), only)
    _count(done, rows)
    done.differing = len(differing)
    changed: list[int] = []
    while True:
        generation = current().generation
        async with store.transaction(UNRESTRICTED) as unit:
            if changed:
                # Held from here on they stay as they are seen: who changes one all the time waits once.
                await unit.run([Statement(_LOCK, (int8_array(sorted(changed)),), binary=True)])
                _, differing = await differences(store, _these(changed), only)
            changed = await _mend(store, unit, differing, done, generation)
            if not changed:
                await _write_rows(store, unit, [note(done)], generation)
                return done


async def _mend(
    store: ResourceStore, unit: Unit, differing: Mapping[int, _Difference], done: Done, generation: int
) -> list[int]:
    """Writes the differences of what is still as it was seen; the rids of what is not."""
    if not differing:
        return []
    [rows] = await unit.run([Statement(_LOCK, (int8_array(sorted(differing)),), binary=True)])
    there = {_number(rid): _number(version) for rid, version in rows}
    same = {rid: one for rid, one in differing.items() if there.get(rid) == one.version}
    surplus = _joined([one.surplus for one in same.values()])
    missing = _joined([one.missing for one in same.values()])
    numbers = {rid: one.parameter_set for rid, one in same.items() if one.parameter_set is not None}
    sets = [_renumbered(numbers)] if numbers else []
    referring = {container(row[-1]) for rows in (surplus, missing) for row in rows.get("reference", ())}
    standing = [renewed(referring)] if referring else []
    changes = [*deletions(surplus), *insertions(missing), *sets, *standing]
    await _write_rows(store, unit, [*changes, *([CHANGED] if changes else [])], generation)
    done.removed += sum(map(len, surplus.values()))
    done.added += sum(map(len, missing.values()))
    return [rid for rid, one in differing.items() if rid in there and there[rid] != one.version]


async def _write_rows(store: ResourceStore, unit: Unit, statements: list[Statement], generation: int) -> None:
    try:
        await unit.run([*statements, proof(generation)])
    except DatabaseError as error:
        raise await store.learned(error) from error


async def differences(
    store: ResourceStore, which: Statement, only: frozenset[int] | None
) -> tuple[list[Row], dict[int, _Difference]]:
    """Resources, and of those whose rows are not as they should be what is missing and what is too much, by rid."""
    async with store.transaction(UNRESTRICTED) as unit:
        *_, rows = await unit.run([*_VIEW, which])
        writes = [_write(row, _indexed(row, store.base)) for row in rows]
        await store.resolve(writes, {}, run=unit.run)
        await store.parameter_sets.number(writes)
        await store.note_pairs(writes)
        wanted = resolved_rows(writes)
        # Contained resources have rows under rids of their own.
        within = {row[-1] for some in wanted.values() for row in some if row[-1] < 0}
        rids = int8_array([*(write.version.rid for write in writes), *sorted(within)])
        tables = [table for table, columns in COLUMNS.items() if only is None or "param_id" in columns]
        stored = await unit.run([_stored(table, rids, only) for table in tables]) if rows else []
    versions = {write.version.rid: write.version.version_id for write in writes}
    found: dict[int, _Difference] = {}
    for write, row in zip(writes, rows, strict=True):
        if write.parameter_set != _number(row[6]):
            _put(found, versions, write.version.rid).parameter_set = write.parameter_set
    for table, lines in zip(tables, stored, strict=False):
        _compare(table, wanted.get(table, []), [_read(table, line) for line in lines], versions, only, found)
    return rows, found


def _compare(
    table: str,
    wanted: Sequence[tuple[Any, ...]],
    stored: Sequence[tuple[Any, ...]],
    versions: Mapping[int, int],
    only: frozenset[int] | None,
    found: dict[int, _Difference],
) -> None:
    names = list(COLUMNS[table])
    number = None if only is None else names.index("param_id")
    should = {_plain(table, row): row for row in wanted if only is None or number is None or row[number] in only}
    there: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    twice: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in stored:
        plain = _plain(table, row)
        (twice if plain in there else there)[plain] = row
    for plain, row in should.items():
        if plain not in there or plain in twice:
            _put(found, versions, row[-1]).missing.setdefault(table, []).append(row)
    for plain, row in there.items():
        if plain not in should or plain in twice:
            _put(found, versions, row[-1]).surplus.setdefault(table, []).append(row)


def _put(found: dict[int, _Difference], versions: Mapping[int, int], rid: int) -> _Difference:
    holder = container(rid)
    return found.setdefault(holder, _Difference(versions[holder]))


def _plain(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row that is equal to another if PostgreSQL would find them so: 1.50 is 1.5."""
    numeric = _NUMERIC[table]
    if not numeric:
        return row
    return tuple(
        Decimal(value) if position in numeric and value is not None else value for position, value in enumerate(row)
    )


_NUMERIC = {
    table: frozenset(position for position, kind in enumerate(columns.values()) if kind[2])
    for table, columns in COLUMNS.items()
}


def _stored(table: str, rids: bytes, only: frozenset[int] | None) -> Statement:
    columns = ", ".join(f"{name}::text" if kind[2] else name for name, kind in COLUMNS[table].items())
    text = f"select {columns} from {table} where rid = any($1::bigint[])"
    if only is None:
        return Statement(text, (rids,), binary=True)
    return Statement(f"{text} and param_id = any($2::integer[])", (rids, int4_array(sorted(only))), binary=True)


def _read(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(
        None if value is None else value.decode() if kind[0] == "text[]" else _number(value)
        for value, kind in zip(row, COLUMNS[table].values(), strict=True)
    )


def _joined(parts: Sequence[Rows]) -> Rows:
    found: Rows = {}
    for part in parts:
        for table, rows in part.items():
            found.setdefault(table, []).extend(rows)
    return found


def _renumbered(numbers: Mapping[int, int]) -> Statement:
    return Statement(_SETS, (int8_array(list(numbers)), int2_array(list(numbers.values()))), binary=True)


def _these(rids: Sequence[int]) -> Statement:
    return Statement(_THESE, (int8_array(rids),), binary=True)


def _count(done: Done, rows: Sequence[Row]) -> None:
    done.resources = len(rows)
    done.counted = sum(row[5] == b"\0" for row in rows)
    done.last = _number(rows[-1][0]) if rows else None


def _indexed(row: Row, base: str) -> IndexRows:
    body = decompress(row[4])
    return indexed(parse(body), body, base)[0]


def _custom(row: Row, base: str, only: frozenset[int]) -> IndexRows:
    body = decompress(row[4])
    resource = parse(body)
    found = custom_rows(resource, base, only)
    return {} if found is None else withheld(by_table(found), resource, body, tokens=True)


def _write(row: Row, rows: IndexRows) -> Write:
    """A stored resource with the rows it should have, as if they were written."""
    rid, type_id, id, version = _number(row[0]), _number(row[1]), row[2].decode(), _number(row[3])
    stored = Version(RESOURCE_TYPES[type_id - 1], id, rid, version, 0, "", row[4])
    references = {(one[1], one[2]) for one in rows.get("reference", ())}
    references |= {(one[2], one[3]) for one in rows.get(f"{MARK}reference", ())}
    pairs = pairs_of(stored.type, rows.get("token", ()))
    return Write(
        Change(stored.type, id, "", None, stored), stored, rows, {}, references, having=having(rows), pairs=pairs
    )


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
