"""Pages whose statement finds out by itself how to be read: one plan for all values, made once.

https://hl7.org/fhir/R4/search.html A planner would have to know how often a value occurs and be asked at each request,
which takes longer than most searches. Here a statement has branches, one of which runs: where a criterion leaves at
most FEW rows they are fetched and tested, else resources are walked in the order of the page and tested
(docs/decisions/search-statements.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.search.branch import Branch, filters, merged, newest, scopes
from fhir_server.search.condition import Conditions, Source
from fhir_server.search.criteria import All, Between, Chain, Leaf, Member, Node, Reverse, Some
from fhir_server.search.cursor import Position
from fhir_server.search.query import SearchQuery
from fhir_server.search.rank import by_size, led, whole
from fhir_server.search.sort import Key, in_order, single_valued
from fhir_server.search.walk import walk

FEW = 500
"""To fetch as many, and to walk a million resources for twenty of as many, takes some milliseconds either way."""
MAX_TRIED = 3
"""Criteria of which the rows are counted, one after the other."""
WALKED = 3000
"""Resources tested newest first before everything in a range is fetched."""
_IN_RID_ORDER = frozenset(("token", "reference", "reference_other"))


@dataclass(slots=True)
class _Tables:
    """The tables of the statement's WITH."""

    conditions: Conditions
    texts: list[str] = field(default_factory=list)

    def few(self, rows: str, gates: Sequence[str]) -> tuple[str, str]:
        """Name of the table of up to FEW + 1 of the rows, and the condition that there are more than FEW."""
        number = len(self.texts)
        name = f"few{number}"
        where = f" where {' and '.join(gates)}" if gates else ""
        self.texts.append(f"{name} as materialized (select s.rid from ({rows}) s{where} limit {FEW + 1})")
        self.texts.append(f"many{number} as materialized (select count(*) > {FEW} as so from {name})")
        return name, f"(select so from many{number})"


def probed(
    query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None
) -> str | None:
    """SQL of the page's rid and sort keys, the same for all values; None where the shape has no such form."""
    ordered = not keys or (keys[0].column and keys[0].column.ordered)
    if len(query.types) > 1 or not ordered:
        return None
    [scope] = scopes(query)
    nodes = _ranges([criterion.nodes[scope[0]] for criterion in query.criteria])
    leading = by_size(nodes)[:MAX_TRIED]
    if not leading:
        return None
    conditions.probing = True
    start = [f"{{rid}} < {conditions.bound(position.rid, 'bigint')}"] if position and not keys else []
    lines = None if keys else _in_rid_order(leading[0], scope, conditions)
    if lines and len(nodes) == 1:
        return newest(_branches(lines, filters([], scope, conditions)), limit, conditions, *start)
    tables = _Tables(conditions)
    parts: list[str] = []
    beyond: list[str] = []
    for node in leading:
        rows, truncated = _rows(node, scope, tables, beyond)
        name, many = tables.few(rows, beyond)
        tests = filters([other for other in nodes if other is not node], scope, conditions)
        gates = " and ".join([*beyond, *(f"not {one}" for one in (*truncated, many))])
        found = f"select distinct rid from {name} where {gates}"
        if keys:
            parts.append(in_order(found, keys, conditions, limit, position, tests))
        else:
            parts.append(newest([Branch(_fetched(found), (*tests, *start), True, True)], limit, conditions))
        several = (*truncated, many)
        beyond.append(several[0] if len(several) == 1 else f"({' or '.join(several)})")
    if keys:
        parts.append(f"select * from ({walk(query, keys, conditions, limit, position)}) w where {' and '.join(beyond)}")
    elif lines:
        others = filters([node for node in nodes if node is not leading[0]], scope, conditions)
        parts.append(newest(_branches(lines, others), limit, conditions, *start, *beyond))
    else:
        first = next((node for node in leading if whole(node)), None)
        parts += _walked_or_all(nodes, first, scope, tables, limit, start, beyond)
    united = " union all ".join(f"({part})" for part in parts)
    return f"with {', '.join(tables.texts)} {united}"


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


def _branches(sources: Sequence[Source], tests: Sequence[str]) -> list[Branch]:
    return [Branch(source, tuple(tests), False, True) for source in sources]


def _fetched(rids: str) -> Source:
    return Source(f"({rids})", "true")


def _in_rid_order(node: Node, scope: Sequence[str], conditions: Conditions) -> list[Source] | None:
    """The node's sources, if the index of each yields rids in order: all columns before rid equal one value."""
    if not isinstance(node, Leaf | Member):
        return None
    before = conditions.mark()
    sources = conditions.sources(node, scope)
    single = all(
        source.table in _IN_RID_ORDER
        and "= " in source.where.partition(" and ")[2]
        and not any(word in source.where for word in (" or ", " in (", "any(", "exists"))
        for source in sources
    )
    if single and len(sources) <= 16:
        return sources
    conditions.back(before)
    return None


def _rows(node: Node, scope: Sequence[str], tables: _Tables, gates: Sequence[str]) -> tuple[str, list[str]]:
    """SQL of all rids of the node, and conditions under which they are not all, since a chain began with too many."""
    conditions = tables.conditions
    found: list[str] = []
    if whole(node):
        for source in merged(conditions.sources(node, scope)):
            t = conditions.alias()
            where = source.where.replace("{t}", t)
            found.append(f"select {t}.{source.column} as rid from {source.table} {t} where {where}")
        return " union all ".join(found), []
    truncated: list[str] = []
    if isinstance(node, Some):
        for one in node.nodes:
            rows, several = _rows(one, scope, tables, gates)
            found.append(f"({rows})")
            truncated += several
        return " union all ".join(found), truncated
    if isinstance(node, All):
        first, others = led(node)
        rows, several = _rows(first, scope, tables, gates)
        where = " and ".join(filters(others, scope, conditions)).replace("{rid}", "s.rid")
        return f"select s.rid from ({rows}) s where {where}", several
    assert isinstance(node, Chain | Reverse)
    steps = node.targets if isinstance(node, Chain) else ((node.resource_type, node.node),)
    for resource_type, below in steps:
        rows, several = _rows(below, (resource_type,), tables, gates)
        name, many = tables.few(rows, gates)
        truncated += [*several, many]
        x, y = conditions.alias(), conditions.alias()
        # From the few to what refers to them, or to what they refer to; never the other way around.
        near, far = ("target_rid", "rid") if isinstance(node, Chain) else ("rid", "target_rid")
        tests = [f"{x}.param_id = {node.parameter.param_id}", f"{x}.{near} = b.rid"]
        seen = conditions.seen("b.rid")
        tests += [seen] if seen else []
        if isinstance(node, Reverse):
            live = conditions.of_types(scope, y)
            tests.append(f"exists (select from resource {y} where {y}.rid = {x}.target_rid and {live} offset 0)")
        step = f"select {x}.{far} as rid from reference {x} where {' and '.join(tests)} offset 0"
        found.append(f"select s.rid from (select distinct rid from {name}) b cross join lateral ({step}) s")
    return " union all ".join(found), truncated


def _walked_or_all(
    nodes: Sequence[Node],
    first: Node | None,
    scope: Sequence[str],
    tables: _Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> list[str]:
    """Ranges are in no order that helps: some of the newest resources are tested, and if these do not fill the page
    (old dates stand far from the newest) everything that `first` allows is. Without it all resources are tested."""
    conditions = tables.conditions
    w = conditions.alias()
    where = " and ".join([conditions.of_types(scope, w), *start]).replace("{rid}", f"{w}.rid")
    bound = f" limit {WALKED}" if first else " offset 0"
    rows = f"select {w}.rid from resource {w} where {where} order by {w}.rid desc{bound}"
    tests = " and ".join([*filters(nodes, scope, conditions), *beyond]).replace("{rid}", "q.rid")
    walked = f"select q.rid from ({rows}) q where {tests} order by q.rid desc limit {limit}"
    if first is None:
        return [walked]
    tables.texts.append(f"walked as materialized ({walked})")
    full = f"(select count(*) from walked) >= {limit}"
    others = filters([node for node in nodes if node is not first], scope, conditions)
    rows, _ = _rows(first, scope, tables, ["false"])
    everything = f"select distinct s.rid from ({rows}) s where {' and '.join([*beyond, f'not {full}'])}"
    return [
        f"select rid from walked where {full}",
        newest([Branch(_fetched(everything), (*others, *start), True, True)], limit, conditions),
    ]
