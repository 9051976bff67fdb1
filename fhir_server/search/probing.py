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
from fhir_server.search.criteria import All, Between, Chain, Leaf, Node, Reverse, Some
from fhir_server.search.cursor import Position
from fhir_server.search.parameters import single_valued
from fhir_server.search.query import SearchQuery
from fhir_server.search.rank import by_size, led, whole
from fhir_server.search.sort import Key, in_order
from fhir_server.search.walk import settled, walk

FEW = 500
"""To fetch as many, and to walk a million resources for twenty of as many, takes some milliseconds either way."""
MAX_TRIED = 3
"""Criteria of which the rows are counted, one after the other."""
NEAR = 40
"""Targets of a chain of each of which the newest that refer to it are read at once."""
WALKED = 3000
"""Resources tested newest first before everything in a range is fetched, or everything that refers to some targets."""
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

    def walked(self, rows: str, tests: Sequence[str], limit: str) -> str:
        """The condition that these rows have a page of resources that pass the tests: the table `walked`."""
        self.texts.append(f"walked as materialized ({_tested(rows, tests, limit)})")
        return f"(select count(*) from walked) >= {limit}"


def probed(
    query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None
) -> str | None:
    """SQL of the page's rid and sort keys, the same for all values; None where the shape has no such form."""
    ordered = not keys or (keys[0].column and keys[0].column.ordered)
    if len(query.types) > 1 or not ordered:
        return None
    [scope] = scopes(query)
    nodes = _ranges([criterion.nodes[scope[0]] for criterion in query.criteria])
    walked = settled(nodes, scope, keys[0]) if keys else []
    leading = by_size([node for node in nodes if node not in walked])[:MAX_TRIED]
    if not leading and not walked:
        return None
    conditions.probing = True
    if not leading:
        return walk(query, keys, conditions, limit, position)
    start = [f"{{rid}} < {conditions.bound(position.rid, 'bigint')}"] if position and not keys else []
    lines = None if keys else _in_rid_order(leading[0], scope, conditions)
    if lines and len(nodes) == 1:
        return newest(_branches(lines, filters([], scope, conditions)), limit, conditions, *start)
    tables = _Tables(conditions)
    parts: list[str] = []
    beyond: list[str] = []
    chain: tuple[str, list[str]] | None = None
    for node in leading:
        rows, truncated, targets = _rows(node, scope, tables, beyond)
        tests = filters([other for other in nodes if other is not node], scope, conditions)
        if isinstance(node, Chain) and not keys:
            near = f"(select count(*) <= {NEAR} from ({targets}) n)"
            referring = _referring(node, targets, tests, conditions, limit, start)
            parts.append(referring.replace(_GATES, " and ".join([*beyond, *(f"not {one}" for one in truncated), near])))
            chain = chain or (referring, truncated)
            beyond.append(f"({' or '.join([*truncated, f'not {near}'])})")
        name, many = tables.few(rows, beyond)
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
    elif chain:
        rest = [node for node in nodes if not (lines and node is leading[0])]
        parts += _walked_or_referring(rest, lines, chain, scope, tables, limit, start, beyond)
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
    if not whole(node):
        return None
    before = conditions.mark()
    sources = conditions.sources(node, scope)
    single = all(
        source.table in _IN_RID_ORDER
        and "+ 0)" not in source.where  # the index of systems
        and "= " in source.where.partition(" and ")[2]
        and not any(word in source.where for word in (" or ", " in (", "any(", "exists"))
        for source in sources
    )
    if single and len(sources) <= 16:
        return sources
    conditions.back(before)
    return None


def _rows(node: Node, scope: Sequence[str], tables: _Tables, gates: Sequence[str]) -> tuple[str, list[str], str]:
    """SQL of all rids of the node, conditions under which they are not all, since a chain began with too many, and
    SQL of the rids at the far end of the node's reference."""
    conditions = tables.conditions
    found: list[str] = []
    if whole(node):
        for source in merged(conditions.sources(node, scope)):
            t = conditions.alias()
            where = source.where.replace("{t}", t)
            found.append(f"select {t}.{source.column} as rid from {source.table} {t} where {where}")
        return " union all ".join(found), [], ""
    if isinstance(node, Some):
        parts = [_rows(one, scope, tables, gates) for one in node.nodes]
        united = " union all ".join(f"({rows})" for rows, _, _ in parts)
        return united, [one for _, several, _ in parts for one in several], ""
    if isinstance(node, All):
        first, others = led(node)
        rows, truncated, _ = _rows(first, scope, tables, gates)
        tests = " and ".join(filters(others, scope, conditions)).replace("{rid}", "s.rid")
        return f"select s.rid from ({rows}) s where {tests}", truncated, ""
    assert isinstance(node, Chain | Reverse)
    targets, truncated = _targets(node, scope, tables, gates)
    x, y = conditions.alias(), conditions.alias()
    # From the few to what refers to them, or to what they refer to; never the other way around.
    near, far = ("target_rid", "rid") if isinstance(node, Chain) else ("rid", "target_rid")
    follows = [f"{x}.param_id = {node.parameter.param_id}", f"{x}.{near} = b.rid"]
    seen = conditions.seen("b.rid")
    follows += [seen] if seen else []
    if isinstance(node, Reverse):
        live = conditions.of_types(scope, y)
        follows.append(f"exists (select from resource {y} where {y}.rid = {x}.target_rid and {live} offset 0)")
    step = f"select {x}.{far} as rid from reference {x} where {' and '.join(follows)} offset 0"
    return f"select s.rid from ({targets}) b cross join lateral ({step}) s", truncated, targets


def _targets(
    node: Chain | Reverse, scope: Sequence[str], tables: _Tables, gates: Sequence[str]
) -> tuple[str, list[str]]:
    """SQL of the rids at the far end of the node's reference, and conditions under which they are not all."""
    truncated: list[str] = []
    names = []
    for resource_type, below in node.targets if isinstance(node, Chain) else ((node.resource_type, node.node),):
        rows, several, _ = _rows(below, (resource_type,), tables, gates)
        name, many = tables.few(rows, gates)
        truncated += [*several, many]
        names.append(f"select rid from {name}")
    return " union ".join(names) if len(names) > 1 else f"{names[0]} group by rid", truncated


_GATES = "{gates}"


def _referring(
    node: Chain, targets: str, tests: Sequence[str], conditions: Conditions, limit: str, start: Sequence[str]
) -> str:
    """SQL of the newest that refer to the targets: a page of each target, read in order. `_GATES` is still open."""
    x = conditions.alias()
    seen = conditions.seen("b.rid")
    where = [f"{x}.param_id = {node.parameter.param_id}", f"{x}.target_rid = b.rid", *tests, *start]
    where += [seen] if seen else []
    step = f"select {x}.rid from reference {x} where {' and '.join(where)} order by {x}.rid desc limit {limit}"
    open_targets = f"select t.rid from ({targets}) t where {_GATES}"
    return (
        f"select distinct s.rid from ({open_targets}) b cross join lateral ({step.replace('{rid}', f'{x}.rid')}) s"
        f" order by s.rid desc limit {limit}"
    )


def _walked_or_referring(
    nodes: Sequence[Node],
    lines: list[Source] | None,
    chain: tuple[str, list[str]],
    scope: Sequence[str],
    tables: _Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> list[str]:
    """What refers to several targets may be anywhere: some of the newest resources (or of `lines`) are tested, and if
    these do not fill the page the targets are gone through; of too many, all are tested."""
    conditions = tables.conditions
    referring, truncated = chain
    tests = filters(nodes, scope, conditions)
    if lines:
        some = newest(_branches(lines, ()), str(WALKED), conditions, *start)
    else:
        some = _newest(scope, conditions, start, f"limit {WALKED}")
    full = tables.walked(some, (*tests, *beyond), limit)
    too_many = f"({' or '.join(truncated)})"
    rest = [*beyond, f"not {full}", too_many]
    if lines:
        last = newest(_branches(lines, tests), limit, conditions, *start, *rest)
    else:
        last = _tested(_newest(scope, conditions, start, "offset 0"), (*tests, *rest), limit)
    return [
        f"select rid from walked where {full}",
        referring.replace(_GATES, " and ".join([*beyond, f"not {full}", *(f"not {one}" for one in truncated)])),
        last,
    ]


def _newest(scope: Sequence[str], conditions: Conditions, start: Sequence[str], bound: str) -> str:
    w = conditions.alias()
    where = " and ".join([conditions.of_types(scope, w), *start]).replace("{rid}", f"{w}.rid")
    return f"select {w}.rid from resource {w} where {where} order by {w}.rid desc {bound}"


def _tested(rows: str, tests: Sequence[str], limit: str) -> str:
    where = " and ".join(tests).replace("{rid}", "q.rid")
    return f"select q.rid from ({rows}) q where {where} order by q.rid desc limit {limit}"


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
    tests = (*filters(nodes, scope, conditions), *beyond)
    if first is None:
        return [_tested(_newest(scope, conditions, start, "offset 0"), tests, limit)]
    full = tables.walked(_newest(scope, conditions, start, f"limit {WALKED}"), tests, limit)
    others = filters([node for node in nodes if node is not first], scope, conditions)
    rows, _, _ = _rows(first, scope, tables, ["false"])
    everything = f"select distinct s.rid from ({rows}) s where {' and '.join([*beyond, f'not {full}'])}"
    return [
        f"select rid from walked where {full}",
        newest([Branch(_fetched(everything), (*others, *start), True, True)], limit, conditions),
    ]
