"""Which resources a conditional URL means. https://hl7.org/fhir/R4/http.html#cond-update"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct

from fhir_server.access.interactions import require
from fhir_server.access.searching import judged
from fhir_server.outcome import Invalid
from fhir_server.search.query import SearchQuery, parse_query
from fhir_server.search.select import point_page
from fhir_server.search.terms import ask_terminology, looked_up
from fhir_server.statement import Parameters, Statement
from fhir_server.terminology.members import Reader
from smart_auth.scopes import Access

Found = list[tuple[int, str]]
"""rid and id of each match."""

_CHUNKS = (64, 32, 16, 8, 4, 2, 1)
"""Searches put into one statement: few sizes, so that few texts are prepared, and few statements for any number."""

_NUMBER, _RID = Struct(">i"), Struct(">q")


async def matches(
    reader: Reader, access: Access, base: str, resource_type: str, query: list[tuple[str, str]], limit: int = 2
) -> Found:
    """Up to `limit` visible matches of a search. Raises Invalid for criteria that are wrong or absent."""
    [found] = await match_many(reader, access, base, [(resource_type, query)], limit)
    return found


async def match_many(
    reader: Reader, access: Access, base: str, searches: Sequence[tuple[str, list[tuple[str, str]]]], limit: int = 2
) -> list[Found]:
    """Up to `limit` visible matches of each search, in few statements of few shapes.

    Raises Forbidden where the access may not search so, Invalid for criteria that are wrong or absent: an empty
    condition would mean every resource of the type.
    """
    queries = [await _query(reader, access, base, resource_type, query) for resource_type, query in searches]
    found: list[Found] = [[] for _ in queries]
    # Searches of one shape stand together, so that their statements have the same text.
    order = sorted(range(len(queries)), key=lambda number: _shape(queries[number]))
    position = 0
    while position < len(order):
        size = next(size for size in _CHUNKS if size <= len(order) - position)
        chunk = order[position : position + size]
        for row in await reader.select(_statement([queries[number] for number in chunk], access, base, limit)):
            index, rid, id = (column or b"" for column in row)
            found[chunk[_NUMBER.unpack(index)[0]]].append((_RID.unpack(rid)[0], id.decode()))
        position += size
    return found


async def _query(
    reader: Reader, access: Access, base: str, resource_type: str, query: list[tuple[str, str]]
) -> SearchQuery:
    require(access, "s", resource_type)
    parsed = judged(parse_query(resource_type, query), access)
    if not parsed.criteria:
        raise Invalid("a condition needs at least one search parameter", code="required")
    if ask_terminology(parsed.criteria):
        return replace(parsed, criteria=await looked_up(parsed.criteria, reader, access, base))
    return parsed


def _shape(query: SearchQuery) -> tuple[str, ...]:
    return (*query.types, *(criterion.name for criterion in query.criteria))


def _statement(queries: Sequence[SearchQuery], access: Access, base: str, limit: int) -> Statement:
    parameters = Parameters()
    parts = [
        f"(select {number}::integer, r.rid, r.fhir_id from ({point_page(query, access, base, parameters, limit)}) p"
        " join resource r on r.rid = p.rid)"
        for number, query in enumerate(queries)
    ]
    return parameters.statement(" union all ".join(parts))
