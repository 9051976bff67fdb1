"""Pages whose statement finds out by itself how to be read: one plan for all values, made once.

https://hl7.org/fhir/R4/search.html A planner would have to know how often a value occurs and be asked at each request,
which takes longer than most searches. Here a statement has branches, one of which runs: where a criterion leaves at
most FEW rows they are fetched and tested, else resources are walked in the order of the page and tested
(docs/decisions/search-statements.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.search import few
from fhir_server.search.branch import filters, newest, scopes
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Between, Chain, Leaf, Node, Reverse
from fhir_server.search.cursor import Position
from fhir_server.search.few import Tables, rows_of
from fhir_server.search.lines import code_of, in_rid_order, lined
from fhir_server.search.pairs import meeting
from fhir_server.search.parameters import single_valued
from fhir_server.search.query import SearchQuery
from fhir_server.search.rank import by_size, whole
from fhir_server.search.referring import GATES, Reached, nearby, referring
from fhir_server.search.sort import Key, in_order, order
from fhir_server.search.stepping import stepped
from fhir_server.search.tested import newest_of, tested, walked_or_all, walked_or_referring
from fhir_server.search.walk import settled, walk

MAX_TRIED = 3
"""Criteria of which the rows are counted, one after the other."""
MAX_APART = 4
"""Types of one search that are read each by itself: of more the statement would be long."""


def probed(
    query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None
) -> str | None:
    """SQL of the page's rid and sort keys, the same for all values; None where the shape has no such form."""
    ordered = not keys or (keys[0].column and keys[0].column.ordered)
    if len(query.types) > 1:
        return _of_each(query, keys, conditions, limit, position)
    if not ordered:
        return None
    [scope] = scopes(query)
    nodes = _ranges([criterion.nodes[scope[0]] for criterion in query.criteria])
    walked = settled(nodes, scope, keys[0]) if keys else []
    leading = by_size([node for node in nodes if node not in walked])[:MAX_TRIED]
    if not nodes:
        return None
    conditions.probing = True
    if keys and not leading:
        return walk(query, keys, conditions, limit, position)
    start = conditions.start
    if not keys and len(nodes) == 1 and (page := stepped(nodes[0], scope, conditions, limit)):
        return page
    if not leading:
        return tested(newest_of(scope, conditions, start, "offset 0"), filters(nodes, scope, conditions), limit)
    lines = None if keys else in_rid_order(leading[0], scope, conditions)
    if lines and len(nodes) == 1:
        return newest(lined(lines, filters([], scope, conditions)), limit, conditions, *start)
    tables = Tables(conditions)
    parts: list[str] = []
    beyond: list[str] = []
    chain: Reached | None = None
    for node in leading:
        rows, truncated, targets = rows_of(node, scope, tables, beyond, live=False)
        complete = [f"not {one}" for one in truncated]
        others = [other for other in nodes if other is not node]
        tests = filters(others, scope, conditions)
        if isinstance(node, Reverse):
            tests = (conditions.live(scope, "{rid}"), *tests)
        too_many = list(truncated)
        if isinstance(node, Chain) and not keys:
            ends = tables.once(f"(select count(*) from ({targets}) n)")
            reached = referring(node, targets, others, scope, conditions, limit, start)
            near = " and ".join([*beyond, *complete, nearby(ends)])
            if chain is None:
                chain = Reached(reached, near, complete)
            else:
                parts.append(reached.replace(GATES, near))
            beyond.append(f"({' or '.join([*truncated, f'not {nearby(ends)}'])})")
            complete, too_many = [*complete, f"{ends} <= {few.REFERRING}"], [*truncated, f"{ends} > {few.REFERRING}"]
        name, many = tables.few(rows, [*beyond, *complete], _most(node, rows, keys, tests))
        gates = " and ".join([*beyond, *complete, f"not {many}"])
        found = f"select distinct rid from {name} where {gates}"
        if keys:
            parts.append(in_order(found, keys, conditions, limit, position, tests))
        else:
            # Sorted first: what is tested stops when the page is full.
            parts.append(tested(f"{found} order by rid desc offset 0", (*tests, *start), limit))
        too_many.append(many)
        beyond.append(too_many[0] if len(too_many) == 1 else f"({' or '.join(too_many)})")
    beyond += map(tables.once, meeting(nodes, scope, conditions))
    if keys:
        parts.append(f"select * from ({walk(query, keys, conditions, limit, position)}) w where {' and '.join(beyond)}")
    elif chain:
        rest = [node for node in nodes if not (lines and node is leading[0])]
        parts += walked_or_referring(rest, lines, chain, scope, tables, limit, start, beyond)
    elif lines:
        tests = filters([node for node in nodes if node is not leading[0]], scope, conditions)
        parts.append(newest(lined(lines, tests), limit, conditions, *start, *beyond))
    else:
        first = next((node for node in leading if whole(node)), None)
        code = code_of(leading[0])
        lines = in_rid_order(code, scope, conditions) if code else None
        parts += walked_or_all(nodes, first, lines, scope, tables, limit, start, beyond)
    united = " union all ".join(f"({part})" for part in parts)
    return f"with {', '.join(tables.texts)} {united}"


def _of_each(
    query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None
) -> str | None:
    """A page of what is read for each of a few types by itself, where criteria and keys are columns of `resource`."""
    nodes = [criterion.nodes[query.types[0]] for criterion in query.criteria]
    if query.contained or len(query.types) > MAX_APART or not (nodes or keys):
        return None
    if not all(key.own for key in keys) or not all(isinstance(one, Leaf) and one.parameter.column for one in nodes):
        return None
    conditions.probing = True
    alone = [replace(query, types=(one,)) for one in query.types]
    if keys:
        pages = [walk(one, keys, conditions, limit, position) for one in alone]
    else:
        pages = [probed(one, (), conditions, limit, position) or "" for one in alone]
    united = " union all ".join(f"({page})" for page in pages)
    return f"select u.* from ({united}) u order by {order(keys, 'u.rid', table='u.')} limit {limit}"


def _most(node: Node, rows: str, keys: Sequence[Key], tests: Sequence[str]) -> int:
    """How many rows of the node are fetched; keys are computed, and tests made, for each of them."""
    if isinstance(node, Chain) and not keys:
        return few.REFERRING
    from_index = whole(node) and "+ 0)" not in rows  # the index of systems has no rids
    return few.ALONE if from_index and not keys and not tests else few.FEW


def _ranges(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, those that bound one and the same date put together."""
    by_code: dict[str, list[Leaf]] = {}
    for node in nodes:
        if not (isinstance(node, Leaf) and node.parameter.type == "date" and len(node.values) == 1) or node.negated:
            continue
        if not node.parameter.column and node.modifier is None and single_valued(node.parameter):
            by_code.setdefault(node.parameter.code, []).append(node)
    together = [Between(tuple(leaves)) for leaves in by_code.values() if len(leaves) > 1]
    bound = [leaf for between in together for leaf in between.leaves]
    return [*together, *(node for node in nodes if not any(node is leaf for leaf in bound))]
