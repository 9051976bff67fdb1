"""Which resources a conditional URL means. https://hl7.org/fhir/R4/http.html#cond-update"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct

from fhir_server.access.interactions import require
from fhir_server.access.searching import judged
from fhir_server.outcome import Invalid
from fhir_server.postgres import Row
from fhir_server.search.identified import NAMED, identifier_of, who_has
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
    found: list[Found] = [[] for _ in searches]
    alike, others = _alike(searches)
    for (kind, name), numbers in alike.items():
        values = [searches[number][1][0][1] for number in numbers]
        parameter = identifier_of(await _query(reader, access, base, kind, [(name, values[0])]))
        if parameter is None:
            others += numbers
            continue
        rows = await reader.select(who_has(kind, parameter, values, access, base, limit))
        for number, several in _by_number(rows).items():
            found[numbers[number]] = sorted(set(several), reverse=True)[:limit]
    queries = [await _query(reader, access, base, *searches[number]) for number in others]
    # Searches of one shape stand together, so that their statements have the same text.
    order = sorted(range(len(queries)), key=lambda number: _shape(queries[number]))
    position = 0
    while position < len(order):
        size = next(size for size in _CHUNKS if size <= len(order) - position)
        chunk = order[position : position + size]
        rows = await reader.select(_statement([queries[number] for number in chunk], access, base, limit))
        for number, several in _by_number(rows).items():
            found[others[chunk[number]]] = several
        position += size
    return found


def _alike(
    searches: Sequence[tuple[str, list[tuple[str, str]]]],
) -> tuple[dict[tuple[str, str], list[int]], list[int]]:
    """Numbers of the searches: of those that may ask for one identifier by type and parameter, and of all others."""
    alike: dict[tuple[str, str], list[int]] = {}
    others = []
    for number, (kind, query) in enumerate(searches):
        if len(query) == 1 and NAMED.fullmatch(query[0][1]):
            alike.setdefault((kind, query[0][0]), []).append(number)
        else:
            others.append(number)
    return alike, others


def _by_number(rows: Sequence[Row]) -> dict[int, Found]:
    """Rows of number, rid and id."""
    found: dict[int, Found] = {}
    for number, rid, id in rows:
        found.setdefault(_NUMBER.unpack(number)[0], []).append((_RID.unpack(rid)[0], id.decode()))
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
