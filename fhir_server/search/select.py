"""SearchQuery -> the one SQL statement that returns a page. https://hl7.org/fhir/R4/search.html

A page is read in its order from an index and stops after count + 1 rows; see docs/decisions/search-statements.md for
the shapes and what they were measured against. The same shape of query gives the same text, so that it is prepared
once.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.access import sees_row
from fhir_server.access.searching import records
from fhir_server.search.branch import Branch, all_of, branches, is_point, newest, scopes
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import container_sql
from fhir_server.search.criteria import Leaf
from fhir_server.search.cursor import Position, checked
from fhir_server.search.include import MAX_INCLUDED, brought_types, included
from fhir_server.search.probing import probed
from fhir_server.search.query import SearchQuery
from fhir_server.search.sort import Key, in_order, order, resolved
from fhir_server.search.totals import kept_total
from fhir_server.search.walk import on_timeline, walk
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access

MATCH, INCLUDE, TOTAL = 0, 1, 2
"""The first column of a statement's rows: what a row is. Then rid, type_id, fhir_id, body (as stored) and the sort keys
as text; in the row of the total, rid is the number of matches, fhir_id what a total that is kept says beside it (see
totals.py), and nothing else is set."""


def select(
    query: SearchQuery, access: Access, base: str, position: Position | None = None, *, keeping: bool = False
) -> Statement:
    """The statement of a page after `position`: up to count + 1 matches, then what they include, then the total.

    keeping: the total, which is `keepable`, is one that is kept.
    """
    parameters = Parameters()
    conditions = Conditions(access, parameters, base, records=records(query, access))
    if query.count == 0:
        total = _total(query, conditions, keeping=keeping)
        return parameters.statement(f"select {TOTAL}::smallint, {_COUNTED} from ({total}) k", generic=_one_range(query))
    keys = [resolved(query.types, sort) for sort in query.sort]
    if position is not None:
        position = checked(position, [key.sql_type for key in keys])
    limit = conditions.bound(query.count + 1, "bigint")
    if position and not keys:
        conditions.before = conditions.bound(position.rid, "bigint")
    page, point = _page(query, keys, conditions, limit, position)
    # An index of words is read by bitmap, which connections for one plan leave out.
    point = point and not query.words
    # A contained resource is in the body of its container.
    join = f"join resource r on r.rid = {container_sql('p.rid') if query.contained else 'p.rid'}"
    texts = "".join(f", p.k{number}::text" for number in range(1, len(keys) + 1))
    columns = f"p.rid, r.type_id, r.fhir_id, r.body{texts}"
    if not query.includes and query.total == "none":
        text = f"select {MATCH}::smallint, {columns} from ({page}) p {join}"
        return parameters.statement(f"{text} order by {order(keys, 'p.rid', table='p.')}", generic=point)
    tables = [f"page as materialized (select row_number() over (order by {order(keys)}) n, q.* from ({page}) q)"]
    parts = [f"select {MATCH}::smallint as mode, p.n, {columns} from page p {join}"]
    empty = ", null" * len(keys)
    if query.includes:
        tables.append(f"shown as (select rid from page where n < {limit})")
        seen = sees_row(access.using("rs"), "v", brought_types(query.includes), parameters)
        tables.append(included(query.includes, seen, parameters))
        brought = (
            "select distinct i.rid from included i where i.rid not in (select rid from page where n < "
            f"{limit}) limit {MAX_INCLUDED + 1}"
        )
        own = f"r.rid, r.type_id, r.fhir_id, r.body{empty}"
        parts.append(f"select {INCLUDE}::smallint, null, {own} from ({brought}) b join resource r on r.rid = b.rid")
    if query.total != "none":
        total = _total(query, conditions, keeping=keeping)
        parts.append(f"select {TOTAL}::smallint, null, {_COUNTED}{empty} from ({total}) k")
    names = ", ".join(["mode", "rid", "type_id", "fhir_id", "body", *_names(keys)])
    listed = ", ".join(["mode", "n", *names.split(", ")[1:]])
    text = f"with recursive {', '.join(tables)} select {names} from ({' union all '.join(parts)}) a({listed})"
    return parameters.statement(
        f"{text} order by mode, n, rid", generic=point and (query.total == "none" or _one_range(query))
    )


def point_page(query: SearchQuery, access: Access, base: str, parameters: Parameters, limit: int) -> str:
    """SQL of the newest rids that meet the criteria, as part of a larger statement."""
    conditions = Conditions(access, parameters, base)
    return newest(_branches(query, conditions), conditions.bound(limit, "bigint"), conditions)


def all_rids(query: SearchQuery, access: Access, base: str, parameters: Parameters) -> str:
    """SQL of the rids of everything that meets the criteria, as part of a larger statement."""
    conditions = Conditions(access, parameters, base)
    return all_of(_branches(query, conditions), conditions)


_COUNTED = "k.total, null::smallint, k.said, null::bytea"


def _names(keys: Sequence[Key]) -> list[str]:
    return [f"k{number}" for number in range(1, len(keys) + 1)]


def _page(
    query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None
) -> tuple[str, bool]:
    """SQL of the page's rid and sort keys, and whether one plan serves all values."""
    if keys and on_timeline(query, keys[0]):
        conditions.probing = True
        return walk(query, keys, conditions, limit, position), True
    point = conditions.probing = is_point(query)
    if not point and (page := probed(query, keys, conditions, limit, position)):
        return page, True
    if not keys:
        return newest(_branches(query, conditions), limit, conditions, *conditions.start), point
    if not point and keys[0].column and keys[0].column.ordered:
        return walk(query, keys, conditions, limit, position), not query.criteria
    return in_order(all_of(_branches(query, conditions), conditions), keys, conditions, limit, position), point


def _branches(query: SearchQuery, conditions: Conditions) -> list[Branch]:
    return [branch for scope in scopes(query) for branch in branches(query.criteria, scope, conditions)]


COUNTED = 1000
"""Matches up to which an estimate counts; of more, the newest as many tell how dense they are."""


def _total(query: SearchQuery, conditions: Conditions, *, keeping: bool) -> str:
    """SQL of one row: total, and what one that is kept says."""
    if query.total == "estimate" and query.count and not query.contained:
        newest_rids = newest(_branches(query, conditions), str(COUNTED + 1), conditions)
        oldest = f"select min(e.rid) from resource e where {conditions.of_types(query.types, 'e')}"
        share = f"(max(n.rid) - ({oldest}))::numeric / greatest(max(n.rid) - min(n.rid), 1)"
        return (
            f"select case when count(*) <= {COUNTED} then count(*) else round({COUNTED} * {share})::bigint end"
            f" as total, null::text as said from ({newest_rids}) n"
        )
    found = _branches(query, conditions)
    if keeping:
        return kept_total(found, query.types[0], conditions)
    each = f"distinct {container_sql('c.rid')}" if query.contained and not query.alone else "*"
    return f"select count({each}) as total, null::text as said from ({all_of(found, conditions)}) c"


def _one_range(query: SearchQuery) -> bool:
    """Whether what is counted is one range of an index, whatever the values: it needs no plan of its own."""
    nodes = [criterion.nodes[query.types[0]] for criterion in query.criteria]
    if query.contained or len(query.types) > 1 or len(nodes) > 1:
        return False
    return all(isinstance(node, Leaf) and node.coded and not node.negated and node.modifier is None for node in nodes)
