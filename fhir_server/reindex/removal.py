"""Rows of search parameters that are out of force: removed in pieces, when nobody can write or read them any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from fhir_server.arrays import int4_array, int8_array
from fhir_server.index_tables import COLUMNS, SPANS
from fhir_server.reindex.goal import all_ids
from fhir_server.search.custom import parameters
from fhir_server.search.registry import REMOVING
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED

PIECE = 10_000

_OUT_OF_FORCE = f"select id, definition from search_parameter where state = '{REMOVING}'"
_GONE = f"delete from search_parameter where id = any($1::bigint[]) and state = '{REMOVING}'"
_PIECE = """
with piece as (select ctid from {table} t where param_id = any($1::integer[]) and {span} limit {piece}),
gone as (delete from {table} where ctid = any(array(select ctid from piece)) returning 1)
select count(*) from gone"""


async def remove(store: ResourceStore, settled: Callable[[], Awaitable[None]], alive: Callable[[], None]) -> int:
    """Removes the rows of all parameters that are out of force; how many.

    settled: waits for those who may still write some; alive: called between pieces, may raise.
    """
    async with store.transaction(UNRESTRICTED) as unit:
        rows = await unit.select(Statement(_OUT_OF_FORCE))
    if not rows:
        return 0
    await settled()
    ids: set[int] = set()
    for id, definition in rows:
        row = orjson.loads(definition)
        if not row.get("off"):
            ids |= all_ids(parameters(row, int.from_bytes(id, "big")))
    total = 0
    wanted = int4_array(sorted(ids))
    for table, columns in COLUMNS.items():
        # Custom parameters have no rows by patient.
        for span in SPANS.get(table, ("true",)) if "param_id" in columns and table != "patient_value" and ids else ():
            text = _PIECE.format(table=table, span=span.replace("{t}", "t"), piece=PIECE)
            while True:
                async with store.transaction(UNRESTRICTED) as unit:
                    [(count,)] = await unit.select(Statement(text, (wanted,), binary=True))
                total += int.from_bytes(count, "big")
                alive()
                if int.from_bytes(count, "big") < PIECE:
                    break
    async with store.transaction(UNRESTRICTED) as unit:
        gone = int8_array([int.from_bytes(id, "big") for id, _ in rows])
        await unit.run([Statement(_GONE, (gone,), binary=True)])
    return total
