"""A sorted page read from the index of its first sort key, stopping when it is full. https://hl7.org/fhir/R4/search.html#sort

The planner may still begin with the criteria where those leave few resources, and sort them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fhir_server.resource_types import TYPE_ID
from fhir_server.schema.search_rows import DAY
from fhir_server.search.branch import branches, filters, patient_of, scopes
from fhir_server.search.by_date import compare, ranged
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Between, Leaf, Node
from fhir_server.search.cursor import Position
from fhir_server.search.query import SearchQuery
from fhir_server.search.sort import SPANS, Key, after, chained, missing, order, rows_of, single, value
from fhir_server.search.timeline import TIMELINE, dated_code


def walk(query: SearchQuery, keys: Sequence[Key], conditions: Conditions, limit: str, position: Position | None) -> str:
    """SQL of rid, k1, k2, ...: resources that have the first key in its order, then those that lack it."""
    first = keys[0]
    apart = scopes(query, apart=not first.own)
    lacking = not (first.own or any(_requires(criterion.nodes[query.types[0]], first) for criterion in query.criteria))
    parts: list[str] = []
    if position is None or position.keys[0] is not None:
        parts = [part for scope in apart for part in _walked(query, scope, keys, conditions, limit, position)]
        united = parts[0] if len(parts) == 1 else _united(parts, keys, limit)
        if not lacking:
            return united
    rest = _lacking(query, keys, conditions, position if not parts else None)
    if not parts:
        return f"{rest} order by {order(keys)} limit {limit}"
    # The second part runs only for what the first leaves open: a limit of 0 is not executed.
    return (
        f"with walked as materialized ({united}) select * from walked union all"
        f" (select * from ({rest}) l order by {order(keys)} limit {limit} - (select count(*) from walked))"
    )


def _united(parts: Sequence[str], keys: Sequence[Key], limit: str) -> str:
    return f"select * from ({' union '.join(f'({part})' for part in parts)}) u order by {order(keys)} limit {limit}"


def _walked(
    query: SearchQuery,
    scope: Sequence[str],
    keys: Sequence[Key],
    conditions: Conditions,
    limit: str,
    position: Position | None,
) -> list[str]:
    keys = [key.within(scope) for key in keys]
    first, column = keys[0], keys[0].column
    assert column is not None
    nodes = [criterion.nodes[scope[0]] for criterion in query.criteria]
    once = single(first)
    # A resource with one value has the range of a criterion on that value: the walk begins and ends there.
    bounding = [node for node in nodes if isinstance(node, Leaf) and _bounds(node, first)] if once else []
    table, spans, spanned = column.table, SPANS.get(column.table, ("true",)), []
    leading = ""
    # At the end of a chain there may be parameters of several types, each with an order of its own.
    sets = [conditions.of_types(scope, "w")] if first.own else [one.rows.replace("{t}", "w") for one in first.apart()]
    if first.own and len(scope) == 1:
        # A range of one type, in the order of types: no other index has that, be the record large or small. Of an
        # index of all changes the newest may all be of other types.
        kind = conditions.bound(TYPE_ID[scope[0]], "smallint")
        sets = [f"w.type_id >= {kind} and w.type_id <= {kind} and w.body is not null"]
        leading = f"w.type_id {'desc' if first.descending else 'asc'}, "
    timeline, coded = (_timeline(nodes, scope, first), _coded(nodes, scope, first)) if once else (None, None)
    if timeline:
        # The dates of one patient: no more rows are read than the page shows.
        table, spans, spanned = "patient_date", ("true",), [timeline]
        patient = conditions.rid_of("Patient", str(patient_of(timeline)))
        sets = [f"w.patient_rid = {patient} and w.type_id = {conditions.bound(TYPE_ID[scope[0]], 'smallint')}"]
    elif coded:
        # The dates of one code, or of each of several.
        table, spanned = "token", [coded]
        sets = [_once(where, conditions) for _, where in conditions.tests(coded, scope)]
    settled = [*bounding, *spanned]
    joined, rid, steps = chained(first, "w", conditions)
    tests = steps + list(filters([node for node in nodes if node not in settled], scope, conditions))
    name = f"w.{column.name}"
    if not once:
        o = conditions.alias()
        higher = f"{o}.{column.name} {'>' if first.descending else '<'} {name}"
        tests.append(f"not exists (select {rows_of(first, column.table, o, rid, conditions)} and {higher})")
    further = [value(key, rid, conditions) for key in keys[1:]]
    if position is not None:
        shown = position.keys[0]
        assert shown is not None
        start = conditions.bound(shown, column.sql_type)
        tests.append(f"{name} {'<=' if first.descending else '>='} {start}")
        tests.append(after(keys, [name, *further], rid, position, conditions))
    columns = ", ".join(f"{text} as k{number}" for number, text in enumerate([name, *further], 1))
    head = f"select {'' if once else 'distinct '}{rid} as rid, {columns} from {table} w{joined} where "
    tail = f" order by {leading}{order(keys, rid, walked=True)} limit {limit}"
    found = []
    for number, span in enumerate(spans):
        ranges = [_bound(node, scope, conditions, short=number == 0 and not timeline) for node in bounding]
        for rows in sets:
            where = " and ".join([rows, span, *ranges, *tests]).replace("{rid}", rid).replace("{t}", "w")
            found.append(f"{head}{where}{tail}")
    return found


def _lacking(query: SearchQuery, keys: Sequence[Key], conditions: Conditions, position: Position | None) -> str:
    parts = []
    found = [
        branch
        for scope in scopes(query)
        for branch in branches(query.criteria, scope, conditions, missing(keys[0].within(scope), "{rid}", conditions))
    ]
    for branch in found:
        a = conditions.alias()
        further = "".join(
            f", {value(key, branch.rid(a), conditions)} as k{number}" for number, key in enumerate(keys[1:], 2)
        )
        nothing = f"null::{keys[0].sql_type} as k1"
        distinct = "" if branch.unique else "distinct "
        parts.append(f"select {distinct}{branch.rid(a)} as rid, {nothing}{further} {branch.body(a)}")
    rows = f"select * from ({' union '.join(parts)}) m"
    if position is None:
        return rows
    names = [f"k{number}" for number in range(1, len(keys) + 1)]
    return f"{rows} where {after(keys, names, 'rid', position, conditions)}"


def on_timeline(query: SearchQuery, key: Key) -> bool:
    """Whether the page is read from one patient's timeline."""
    nodes = [criterion.nodes[query.types[0]] for criterion in query.criteria]
    return len(query.types) == 1 and single(key) and _timeline(nodes, query.types, key) is not None


def _timeline(nodes: Sequence[Node], scope: Sequence[str], key: Key) -> Node | None:
    """The node that asks for one patient, if the key is the date by which the type stands on a patient's timeline."""
    if key.steps or key.parameter.custom or TIMELINE.get(scope[0]) != key.parameter.code:
        return None
    return next((node for node in nodes if patient_of(node) is not None), None)


def _coded(nodes: Sequence[Node], scope: Sequence[str], key: Key) -> Leaf | None:
    """The node that asks for codes, if the key is the date that stands with the codes of the type."""
    if key.steps or key.parameter.custom or TIMELINE.get(scope[0]) != key.parameter.code:
        return None
    code = dated_code(scope[0])
    return next((node for node in nodes if isinstance(node, Leaf) and node.parameter == code and _plain(node)), None)


def _once(where: str, conditions: Conditions) -> str:
    """The rows of a code, each resource once: a code may stand in it twice, of two systems."""
    if "system_hash" in where:
        return where
    o = conditions.alias()
    same = " and ".join(f"{o}.{column} = {{t}}.{column}" for column in ("param_id", "code_hash", "rid"))
    earlier = f"select from token {o} where {same} and {o}.system_hash < {{t}}.system_hash offset 0"
    return f"{where} and not exists ({earlier})"


def _plain(node: Leaf) -> bool:
    """Whether the node asks for a few codes, not for their systems alone."""
    return node.coded and not node.negated and node.modifier is None and len(node.values) <= _CODES


_CODES = 8
"""Codes that are walked side by side; of more, the dates of all codes are."""


def settled(nodes: Sequence[Node], scope: Sequence[str], key: Key) -> list[Node]:
    """The nodes that are the very range of an index that is walked: they need no test, and nothing leads better."""
    if not single(key):
        return []
    coded = _coded(nodes, scope, key)
    return [node for node in nodes if node is coded or all(_bounds(leaf, key) for leaf in _leaves(node))]


def _leaves(node: Node) -> Sequence[Node]:
    return node.leaves if isinstance(node, Between) else (node,)


def _requires(node: Node, key: Key) -> bool:
    """Whether only resources with a value of the key meet the node. (An identifier may be found and have no text.)"""
    if not isinstance(node, Leaf) or node.negated or key.suffix or key.steps:
        return False
    return node.parameter.code == key.parameter.code


def _bounds(node: Node, key: Key) -> bool:
    """Whether the node is one range of the very dates that are walked."""
    if not isinstance(node, Leaf) or key.parameter.type != "date":
        return False
    one = len(node.values) == 1 and node.modifier is None
    return _requires(node, key) and one and not node.values[0].startswith("ap")


def _bound(node: Leaf, scope: Sequence[str], conditions: Conditions, *, short: bool) -> str:
    """The range of a date criterion on the row walked, with the bounds of `low` by which the index is entered."""
    if node.parameter.column:
        [one] = conditions.probes(node)
        return one.where
    prefix, low, high = ranged(node.values[0], node.parameter.code)

    def number(instant: int) -> str:
        return conditions.bound(instant, "bigint")

    tests = [compare(prefix, low, high, 0, "{t}.low", "{t}.high", number)]
    if prefix in _UPPER:
        tests.append(f"{{t}}.low < {number(_UPPER[prefix](low, high))}")
    if short and prefix in _LOWER:
        tests.append(f"{{t}}.low > {number(_LOWER[prefix](low, high))}")
    return " and ".join(tests)


_UPPER: dict[str, Callable[[int, int], int]] = {
    "eq": lambda low, high: high,
    "le": max,
    "eb": lambda low, high: low,
}
_LOWER: dict[str, Callable[[int, int], int]] = {
    "gt": lambda low, high: high - DAY,
    "ge": lambda low, high: min(low - 1, high - DAY),
}
"""What a prefix says of `low` alone; the lower bounds only of ranges up to a day."""
