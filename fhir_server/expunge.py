"""Removes versions and resources for good, in one transaction: the only way a rid ever ends.

A resource that others still refer to keeps its row as a placeholder without content; so does every resource where
references are not checked on write, for another process may know its rid and write it down at any moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fhir_server.access import version_visible, visible
from fhir_server.arrays import int4_array, int8_array
from fhir_server.full_text.due import due
from fhir_server.index_tables import COLUMNS
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.schema import metadata
from fhir_server.search.parameters import shipped
from fhir_server.search.totals import OTHERWISE
from fhir_server.statement import Parameters, Statement
from fhir_server.unit import Unit
from fhir_server.write import UNINDEXED
from smart_auth.scopes import Access


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: everything, a type, or one resource by its rid."""

    type: str | None = None
    rid: int | None = None

    def condition(self, row: str, parameters: Parameters) -> str:
        """SQL condition on a row of `resource` or `resource_version`."""
        if self.rid is not None:
            return f"{row}.rid = {parameters.add(self.rid, 'bigint')}"
        if self.type is not None:
            return f"{row}.type_id = {parameters.add(TYPE_ID[self.type], 'smallint')}"
        return "true"


async def previous_versions(unit: Unit, access: Access, scope: Scope, limit: int) -> int:
    """Removes up to `limit` previous versions, the oldest first; how many."""
    parameters = Parameters()
    chosen = (
        f"select v.rid, v.version from resource_version v where {scope.condition('v', parameters)}"
        f" and {version_visible(access, 'v', parameters)}"
        f" order by v.last_updated limit {parameters.add(limit, 'bigint')}"
    )
    [(count,)] = await unit.select(
        parameters.statement(
            f"with gone as (delete from resource_version v using ({chosen}) c where v.rid = c.rid and"
            " v.version = c.version returning 1) select count(*) from gone"
        )
    )
    return int.from_bytes(count, "big")


async def deleted_resources(unit: Unit, access: Access, scope: Scope, limit: int) -> list[tuple[int, str, str]]:
    """rid, type, id of up to `limit` deleted resources, locked until the end of the transaction."""
    parameters = Parameters()
    rows = await unit.select(
        parameters.statement(
            f"select r.rid, r.type_id, r.fhir_id from resource r where {scope.condition('r', parameters)}"
            f" and r.body is null and r.version > 0 and {visible(access, 'r', parameters)}"
            f" order by r.rid limit {parameters.add(limit, 'bigint')} for update of r"
        )
    )
    number = int.from_bytes
    return [(number(rid, "big"), RESOURCE_TYPES[number(kind, "big") - 1], id.decode()) for rid, kind, id in rows]


async def remove(unit: Unit, rids: Sequence[int], *, integrity: bool) -> int:
    """Removes deleted resources that the unit has locked, with all their versions; how many versions.

    `integrity`: references are checked on write.
    """
    wanted = int8_array(rids)
    referred = await unit.select(Statement(_REFERRED, (wanted, int4_array(_references())), binary=True))
    kept = {int.from_bytes(rid, "big") for (rid,) in referred} if integrity else set(rids)
    ended = int8_array([rid for rid in rids if rid not in kept])
    counted, *_ = await unit.run(
        [
            Statement(_VERSIONS, (wanted,), binary=True),
            Statement(_MOVED, (wanted,), binary=True),
            Statement(_LABEL, (wanted,), binary=True),
            Statement(_STANDING, (wanted,), binary=True),
            Statement(_EFFECTS, (wanted,), binary=True),
            *(
                Statement(f"delete from {name} where rid = any($1::bigint[])", (wanted,), binary=True)
                for name in _tables()
            ),
            Statement(_WORDS, (wanted,), binary=True),
            # Who indexes at this moment may still write what it has read: it will look again.
            due(rids),
            Statement(_EMPTY, (int8_array(sorted(kept)),), binary=True),
            Statement(_END, (ended,), binary=True),
            Statement(_OUTBOX, (wanted,), binary=True),
        ]
    )
    return int.from_bytes(counted[0][0], "big") + len(rids)


_REFERRED = """
select g.rid from unnest($1::bigint[]) g(rid) where exists (
  select from unnest($2::integer[]) p(param_id) join reference f on f.param_id = p.param_id and f.target_rid = g.rid
  where f.rid <> g.rid)"""
_VERSIONS = """
with gone as (delete from resource_version where rid = any($1::bigint[]) returning 1) select count(*) from gone"""
_LABEL = "delete from label where rid = any($1::bigint[])"
_STANDING = "delete from patient_label where rid = any($1::bigint[]) or patient_rid = any($1::bigint[])"
_EFFECTS = "delete from consent_effect where consent_rid = any($1::bigint[]) or patient_rid = any($1::bigint[])"
_MOVED = "delete from moved where rid = any($1::bigint[])"
# More than what leaves the outbox unseen: totals that are kept hold no more.
_OUTBOX = f"""
with gone as (delete from outbox where rid = any($1::bigint[]) returning 1)
update outbox_passed set versions = versions + 1 + (select count(*) from gone) where type_id = {OTHERWISE}"""
_EMPTY = """
update resource set version = 0, last_updated = 0, method = 'NONE', body = null where rid = any($1::bigint[])"""
_WORDS = "delete from full_text where rid = any($1::bigint[])"
_END = "delete from resource where rid = any($1::bigint[])"


@cache
def _tables() -> tuple[str, ...]:
    """Search tables that can be read by rid. A deletion took all rows it knew of; here goes what older code wrote."""
    return tuple(
        name
        for name in COLUMNS
        if any(next(iter(index.columns)).name == "rid" for index in metadata.tables[name].indexes)
    )


@cache
def _references() -> tuple[int, ...]:
    """param_id of every reference parameter."""
    found = (
        number
        for name in RESOURCE_TYPES
        for parameter in shipped(name).values()
        if parameter.type == "reference"
        for number in parameter.param_ids
    )
    return tuple(dict.fromkeys((UNINDEXED, *found)))
