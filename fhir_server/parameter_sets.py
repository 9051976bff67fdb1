"""The numbers of parameter sets: known ones from memory, new ones given once for all processes. See search/presence.py.

A number never changes and no set is ever removed, so what is known stays true.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.arrays import int2_array, text_array
from fhir_server.postgres import Pool
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.presence import UNKNOWN, asked
from fhir_server.statement import Statement
from fhir_server.write import Write

MOST = 250
"""Sets of a type. Resources with further ones are looked at one by one, as if nothing were known of them."""
LOCK = 4_611_686_018_427_387_853
_KNOWN_LIMIT = 50_000

Wanted = tuple[str, frozenset[int]]
"""Type, and the param_ids of a resource's rows."""

# What is remembered must not be undone by a crash, even where the database may lose its last commits.
_LOCK = Statement(f"select pg_advisory_xact_lock({LOCK}), set_config('synchronous_commit', 'on', true)")
_ADD = f"""
insert into parameter_set (type_id, number, param_ids)
select n.type_id, n.number, n.ids from (
  select k.type_id, k.ids::integer[] as ids, row_number() over (partition by k.type_id order by k.ids)
    + coalesce((select max(s.number) from parameter_set s where s.type_id = k.type_id), {UNKNOWN}) as number
  from unnest($1::smallint[], $2::text[]) k(type_id, ids)
  where not exists (select from parameter_set s where s.type_id = k.type_id and s.param_ids = k.ids::integer[])) n
where n.number <= {UNKNOWN} + ($3::smallint[])[1]"""
_ALL = "select type_id, number, param_ids::text from parameter_set where type_id = any($1::smallint[])"


class ParameterSets:
    """The numbers of one record's sets."""

    def __init__(self, pool: Pool, most: int = MOST) -> None:
        self._pool, self._most = pool, most
        self._known: dict[Wanted, int] = {}
        """Whatever was asked for, parameters that :missing does not ask for included."""
        self._numbers: dict[tuple[int, str], int] = {}
        """As the table has them: type_id and array -> number."""
        self._full: set[int] = set()
        """Types that have no room for another; all that they have are known."""

    async def number(self, writes: Sequence[Write]) -> None:
        """Gives each write that has a body the number of its set: at once, unless a set is new to this process.

        A new one is committed by itself, before what has it: whoever sees the resource sees the set.
        """
        if len(self._known) > _KNOWN_LIMIT:
            self._known = {}
        known = self._known
        live = [write for write in writes if write.version.body is not None]
        unknown = {one for write in live if (one := (write.change.type, write.having)) not in known}
        if unknown:
            known.update(await self._learned(unknown))
        for write in live:
            write.parameter_set = known[write.change.type, write.having]

    async def _learned(self, wanted: set[Wanted]) -> dict[Wanted, int]:
        keys = {one: (TYPE_ID[one[0]], _array(one)) for one in wanted}
        if new := sorted({key for key in keys.values() if key not in self._numbers and key[0] not in self._full}):
            types, arrays = int2_array([type_id for type_id, _ in new]), text_array([ids for _, ids in new])
            add = Statement(_ADD, (types, arrays, int2_array([self._most])), binary=True)
            *_, rows = await self._pool.run([_LOCK, add, Statement(_ALL, (types,), binary=True)])
            for row in rows:
                type_id, number = (int.from_bytes(raw, "big") for raw in row[:2])
                self._numbers[type_id, row[2].decode()] = number
                if number >= UNKNOWN + self._most:
                    self._full.add(type_id)
        return {one: self._numbers.get(key, UNKNOWN) for one, key in keys.items()}


def _array(wanted: Wanted) -> str:
    return "{" + ",".join(map(str, sorted(wanted[1] & asked(wanted[0])))) + "}"
