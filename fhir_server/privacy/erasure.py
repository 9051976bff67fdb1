"""The data of one person as far as they are to be kept, and their removal for good. LGPD, art. 16 and 18, VI."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from struct import Struct

from fhir_server.access import visible
from fhir_server.access.relations import array
from fhir_server.arrays import int4_array, int8_array
from fhir_server.compartment import member_parameters, member_types
from fhir_server.compression import decompress
from fhir_server.expunge import remove
from fhir_server.outcome import Unprocessable
from fhir_server.postgres import Row
from fhir_server.prepare import prepare_delete
from fhir_server.privacy.retention import CLASSES, Held, Verdict, active, class_of, free, unreferred, verdicts
from fhir_server.reader import Reader
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.parameters import shipped
from fhir_server.statement import Parameters, Statement
from fhir_server.unit import Unit
from fhir_server.version import Version
from fhir_server.write_set import referring_parameters
from mappings.r4 import parse
from smart_auth.scopes import Access

MOST = 20_000
"""Resources of a record that is judged at once; a larger one is for the operator."""
_THEIRS = -1
"""No resource has this rid."""
_INT8, _INT4, _INT2 = Struct(">q"), Struct(">i"), Struct(">h")
_BESIDE = (("Task", "patient"), ("Device", "patient"), ("Provenance", "target"))
"""Reference parameters by which a resource is a patient's though the compartment does not hold it, or not always."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A record, and what becomes of it."""

    versions: Mapping[int, Version]
    classes: Mapping[str, Verdict]
    seen: frozenset[int]
    """rids of what the access may see of it: nothing is told of the rest, not even how much it is."""


async def judged(
    reader: Reader, access: Access, patient: int, now: int, classes: Collection[str] | None = None
) -> Judged:
    """What becomes of the record of a patient (rid) today, all of it. now: microseconds.

    Raises Unprocessable for a record that is too large.
    """
    rows = await _rows(reader, access, patient)
    # Thousands of bodies are read here: others go on meanwhile.
    versions, held = await asyncio.to_thread(_held, rows)
    seen = frozenset(rid for rid, row in zip(versions, rows, strict=True) if row[-1] == b"\x01")
    tells = await _pairs(reader, _REFERRING, list(versions), shipped("Provenance")["target"].param_ids)
    today = datetime.fromtimestamp(now / 1_000_000, UTC).date()
    going = free(held, tells, today, CLASSES if classes is None else classes)
    references = []
    for kind in {versions[rid].type for rid in going}:
        some = [rid for rid in going if versions[rid].type == kind]
        references += await _pairs(reader, _REFERRING, some, referring_parameters(kind))
    # Of somebody else as well: it stays, as if theirs referred to it.
    shared = await _pairs(reader, _SHARED, list(going), _members(), patient)
    references += [(_THEIRS, rid) for rid, _ in shared]
    return Judged(versions, verdicts(held, unreferred(going, references, tells), today), seen)


async def erase(unit: Unit, found: Judged, *, integrity: bool) -> list[tuple[str, str]]:
    """Removes what may go, with versions and search rows; its types and ids. integrity: references are checked.

    Raises VersionConflict, StillReferenced.
    """
    going = [found.versions[rid] for verdict in found.classes.values() for rid in verdict.erased]
    if not going:
        return []
    changes = [change for version in going if (change := prepare_delete(version)) is not None]
    await unit.write(changes)
    await remove(unit, [version.rid for version in going], integrity=integrity)
    return [(version.type, version.id) for version in going]


async def _rows(reader: Reader, access: Access, patient: int) -> list[Row]:
    """The rows of a record, each with whether the access sees it. Raises Unprocessable."""
    parameters = Parameters()
    own = parameters.add(patient, "bigint")
    text = (
        f"with own(rid) as (select {own} union select f.rid from reference f"
        f" where f.target_rid = {own} and f.param_id = any({array(_all_members())})),"
        " whole(rid) as (select rid from own union select f.rid from own join reference f on f.target_rid = own.rid"
        f" and f.param_id = any({array(shipped('Provenance')['target'].param_ids)}))"
        " select r.rid, r.type_id, r.fhir_id, r.version, r.last_updated, r.method, r.body,"
        f" {visible(access, 'r', parameters)}"
        f" from whole join resource r on r.rid = whole.rid where r.body is not null limit {MOST + 1}"
    )
    rows = await reader.select(parameters.statement(text))
    if len(rows) > MOST:
        raise Unprocessable("the record is too large to be judged at once", code="too-costly")
    return rows


def _held(rows: Sequence[Row]) -> tuple[dict[int, Version], list[Held]]:
    """Versions by rid, in the order of the rows, and their retention."""
    versions, held = {}, []
    for rid, kind, id, version, updated, method, body, _ in rows:
        assert id is not None
        assert method is not None
        number = _INT8.unpack(rid)[0]
        found = Version(
            RESOURCE_TYPES[_INT2.unpack(kind)[0] - 1], id.decode(), number, _INT4.unpack(version)[0],
            _INT8.unpack(updated)[0], method.decode(), decompress(body or b""),
        )  # fmt: skip
        resource = parse(found.body or b"")
        versions[number] = found
        held.append(Held(number, class_of(resource), found.last_updated, active(resource)))
    return versions, held


_REFERRING = """
select distinct f.rid, f.target_rid from unnest($1::bigint[]) g(rid) cross join unnest($2::integer[]) p(param_id)
  join reference f on f.param_id = p.param_id and f.target_rid = g.rid where f.rid <> g.rid"""
_SHARED = """
select distinct f.rid, f.target_rid from unnest($1::bigint[]) g(rid) join reference f on f.rid = g.rid
  join resource w on w.rid = f.target_rid and w.type_id = $4::smallint
where f.param_id = any($2::integer[]) and f.target_rid <> $3::bigint"""


async def _pairs(
    reader: Reader, text: str, rids: Sequence[int], param_ids: Collection[int], patient: int | None = None
) -> list[tuple[int, int]]:
    """(who refers, to whom) of some resources."""
    values = [int8_array(rids), int4_array(list(param_ids))]
    if patient is not None:
        values += [_INT8.pack(patient), _INT2.pack(TYPE_ID["Patient"])]
    rows = await reader.select(Statement(text, tuple(values), binary=True))
    return [(_INT8.unpack(source)[0], _INT8.unpack(target)[0]) for source, target in rows]


@cache
def _members() -> tuple[int, ...]:
    return tuple(
        {
            number
            for kind in member_types("Patient")
            if kind != "Patient"
            for number in member_parameters("Patient", kind)
        }
    )


@cache
def _all_members() -> tuple[int, ...]:
    beside = (number for kind, code in _BESIDE for number in shipped(kind)[code].param_ids)
    return tuple({*_members(), *beside})
