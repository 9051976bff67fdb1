"""Computes the index rows of a resource type anew, after the definitions or the code that reads them changed.

One transaction per type: searches see the old rows until the new ones are complete, and a crash leaves the old ones.
Writers wait meanwhile. Counts are compared at the end, so that a reindex that says it is done is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.arrays import int2_array, int8_array
from fhir_server.compression import decompress
from fhir_server.index_tables import COLUMNS
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.contained import container_sql
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.version import Change, Version
from fhir_server.write_set import Write, index_statements, indexed
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

BATCH = 1000

_BEGIN = [
    # Connections of the store plan for single keys; the statements here read whole tables.
    Statement("set local enable_seqscan = on"),
    Statement("set local enable_hashjoin = on"),
    Statement("set local statement_timeout = 0"),
    Statement("lock table resource in share row exclusive mode"),
]
_COUNT = "select count(*) from resource where type_id = ($1::smallint[])[1] and body is not null"
_CLEAR = """
with gone as (delete from {table} t using resource r
              where r.rid = {container} and r.type_id = ($1::smallint[])[1] returning 1)
select count(*) from gone"""
_NEXT = f"""
select rid, fhir_id, body from resource
where type_id = ($1::smallint[])[1] and body is not null and rid > ($2::bigint[])[1] order by rid limit {BATCH}"""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What a reindex did to one type."""

    resources: int
    rows_before: int
    rows_after: int


class IncompleteIndex(Exception):
    """The resources indexed are not the resources counted; nothing was changed."""


def _silent(done: int, total: int) -> None:
    """The progress of who does not look."""


async def reindex(
    store: ResourceStore, resource_type: str, progress: Callable[[int, int], None] = _silent
) -> Reindexed:
    """Writes all index rows of a type anew; `progress` is told resources done and in all. Raises IncompleteIndex."""
    type_id = int2_array([TYPE_ID[resource_type]])
    async with store.transaction(UNRESTRICTED) as unit:
        await unit.run(_BEGIN)
        counts = await unit.run(
            [
                Statement(_COUNT, (type_id,), binary=True),
                *(
                    Statement(_CLEAR.format(table=table, container=container_sql("t.rid")), (type_id,), binary=True)
                    for table in COLUMNS
                ),
            ]
        )
        total, *cleared = (int.from_bytes(rows[0][0], "big") for rows in counts)
        done, added, last = 0, 0, 0
        while True:
            [rows] = await unit.run([Statement(_NEXT, (type_id, int8_array([last])), binary=True)])
            if not rows:
                break
            writes = []
            for rid, id, body in rows:
                last = int.from_bytes(rid, "big")
                plain = decompress(body)
                found, references = indexed(parse(plain), plain, store.base)
                stored = Version(resource_type, id.decode(), last, 0, 0, "", body)
                change = Change(resource_type, stored.id, "", None, stored)
                writes.append(Write(change, stored, found, {}, references))
            await store.resolve(writes, {}, run=unit.run)
            statements, count = index_statements(writes)
            await unit.run(statements)
            done, added = done + len(rows), added + count
            progress(done, total)
        if done != total:
            raise IncompleteIndex(f"{resource_type}: {total} resources counted, {done} indexed")
        return Reindexed(done, sum(cleared), added)
