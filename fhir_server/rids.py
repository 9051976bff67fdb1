"""Surrogate keys: new ones in blocks, those of (type, id) from a cache, for a rid never changes once given.

Only $expunge ends one: a process learns of it when a write with the old rid is refused (`Rids.stale`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import islice

from fhir_server.arrays import int2_array, int4_array, int8_array, text_array
from fhir_server.loader import Loader
from fhir_server.postgres import DatabaseError, Pool, Row
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.registry import STALE
from fhir_server.statement import Statement
from fhir_server.store_errors import MissingReferences, StaleParameters, StillReferenced, VersionConflict
from fhir_server.write import Write

Target = tuple[str, str]
Run = Callable[[list[Statement]], Awaitable[list[list[Row]]]]

BLOCK = 1000
"""rids taken from the sequence at a time."""
_KNOWN_LIMIT = 50_000

_BLOCKS = "select nextval('rid_block') from generate_series(1, $1::integer)"
_FIND = """
select k.n, r.rid
from unnest($1::smallint[], $2::text[]) with ordinality k(type_id, fhir_id, n)
  join resource r on r.type_id = k.type_id and r.fhir_id = k.fhir_id"""
_PLACEHOLD = """
insert into resource (rid, type_id, fhir_id, version, last_updated, method)
select *, 0, 0, 'NONE' from unnest($1::bigint[], $2::smallint[], $3::text[])
on conflict (type_id, fhir_id) do nothing"""


class Rids:
    """The surrogate keys of one store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._free: list[int] = []
        self._refill = asyncio.Lock()
        self._known: dict[Target, int] = {}
        self._loader = Loader[Target, int](self._find)

    async def new(self) -> int:
        """A rid never given before."""
        return self._free.pop() if self._free else (await self.many(1))[0]

    async def many(self, count: int) -> list[int]:
        """`count` rids never given before."""
        if count > len(self._free):
            async with self._refill:
                if count > len(self._free):
                    blocks = int4_array([(count - len(self._free)) // BLOCK + 1])[-4:]
                    [rows] = await self._pool.run([Statement(_BLOCKS, (blocks,), binary=True)])
                    for (block,) in rows:
                        first = int.from_bytes(block, "big") * BLOCK
                        self._free = list(range(first + BLOCK - 1, first - 1, -1)) + self._free
        return [self._free.pop() for _ in range(count)]

    async def resolve(
        self, targets: Collection[Target], *, create: bool = False, run: Run | None = None
    ) -> dict[Target, int]:
        """rid of each (type, id) that has one, deleted ones too.

        create: give the others a placeholder row; run: how to run statements, inside a transaction for instance.
        """
        known = self._known
        found = {target: known[target] for target in targets if target in known}
        unknown = [target for target in targets if target not in found]
        if len(unknown) == 1 and run is None:
            rid = await self._loader.load(unknown[0])
            if rid is not None:
                found[unknown[0]] = rid
        elif unknown:
            found.update(await self._find(unknown, run))
        absent = [target for target in unknown if target not in found]
        if create and absent:
            rids = int8_array(await self.many(len(absent)))
            await (run or self._pool.run)([Statement(_PLACEHOLD, (rids, *_keys(absent)), binary=True)])
            found.update(await self._find(absent, run))
        return found

    def forget(self, targets: Collection[Target]) -> None:
        """What the cache knows of the targets is no longer so: they were expunged."""
        for target in targets:
            self._known.pop(target, None)

    async def stale(self, targets: Collection[Target]) -> bool:
        """Whether the cache was wrong about any of the targets: another process expunged it. It is right afterwards."""
        known = {target: rid for target in targets if (rid := self._known.pop(target, None)) is not None}
        if not known:
            return False
        found = await self._find(list(known))
        return any(found.get(target) != rid for target, rid in known.items())

    async def _find(self, targets: Sequence[Target], run: Run | None = None) -> dict[Target, int]:
        [rows] = await (run or self._pool.run)([Statement(_FIND, _keys(targets), binary=True)])
        number = int.from_bytes
        found = {targets[number(n, "big") - 1]: number(rid, "big") for n, rid in rows}
        if run is not None:
            return found  # not committed yet, perhaps never
        self._known.update(found)
        if len(self._known) > _KNOWN_LIMIT:
            for target in list(islice(self._known, _KNOWN_LIMIT // 4)):
                del self._known[target]
        return found


def _keys(targets: Sequence[Target]) -> tuple[bytes, bytes]:
    return int2_array([TYPE_ID[name] for name, _ in targets]), text_array([id for _, id in targets])


def explained(error: DatabaseError, writes: Sequence[Write]) -> Exception:
    """What the database's refusal of a write means: VersionConflict, MissingReferences, StillReferenced,
    StaleParameters, or itself."""
    if error.sqlstate in ("HB001", "23505"):
        return VersionConflict()
    if error.sqlstate == "HB002":
        gone = {int(rid) for rid in error.detail.split(",")}
        return MissingReferences(
            [
                (index, "/".join(target))
                for index, write in enumerate(writes)
                for target in sorted(write.references)
                if write.rids.get(target) in gone
            ]
        )
    if error.sqlstate == STALE:
        return StaleParameters()
    if error.sqlstate == "HB003":
        return StillReferenced(RESOURCE_TYPES[int(error.detail) - 1])
    return error
