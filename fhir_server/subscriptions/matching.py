"""Which subscriptions a change meets: what its own content tells in memory, what others tell in one statement for many.

The version itself is judged by its own rows, even when a newer one is already there; only what criteria ask of other
resources (chains, `_has`) is asked of the record as it is now. docs/decisions/subscription-matching.md
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from fhir_server.postgres import DatabaseError, Row
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.alternatives import alternatives
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import MARK
from fhir_server.search.criteria import All, Chain, Leaf, Node, Not, Some
from fhir_server.search.links import REFERENCE, link
from fhir_server.search.parameters import tables_of
from fhir_server.statement import Parameters, Statement
from fhir_server.subscriptions.condition import NotSimple, compiled
from fhir_server.subscriptions.definition import Definition, Filter
from fhir_server.subscriptions.seen import Seen
from smart_auth.scopes import Access

Test = Callable[[Seen], bool]
Select = Callable[[Statement], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a filter is judged."""

    resource_type: str
    tests: tuple[Test, ...]
    """In memory."""
    questions: tuple[Node, ...]
    """Asked of the database, of what passed the tests."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What came of matching."""

    hits: list[Seen]
    """In their order."""
    failed: bool = False
    """PostgreSQL could not evaluate the criteria; what is in `hits` does not count."""


def plans(definition: Definition, base: str) -> tuple[Plan, ...]:
    """The plans of a definition's filters. Raises FhirError for a value that cannot be searched by."""
    return tuple(_plan(one, base) for one in definition.filters)


def _plan(filter: Filter, base: str) -> Plan:
    tests: list[Test] = []
    questions: list[Node] = []
    for criterion in filter.criteria:
        node = criterion.nodes[filter.resource_type]
        try:
            tests.append(_test(node, base))
        except NotSimple:
            questions.append(node)
    return Plan(filter.resource_type, tuple(tests), tuple(questions))


def _test(node: Node, base: str) -> Test:
    """A node that asks nothing of other resources as a test in memory. Raises NotSimple."""
    if isinstance(node, Not):
        test = _test(node.node, base)
        return lambda seen: not test(seen)
    if isinstance(node, All | Some):
        tests, every = [_test(one, base) for one in node.nodes], all if isinstance(node, All) else any
        return lambda seen: every(test(seen) for test in tests)
    if not isinstance(node, Leaf):
        raise NotSimple
    if not node.values:
        tables = [(table, frozenset(numbers)) for table, numbers in tables_of(node.parameter)]
        known = bool(node.parameter.column)
        return lambda seen: (
            (known or any(True for table, numbers in tables for _ in seen.rows(table, numbers))) is not node.negated
        )
    checks: list[Test] = []
    for value in node.values:
        # One value at a time: many are written as an array, for PostgreSQL's sake.
        parameters = Parameters()
        one = Leaf(node.resource_type, node.parameter, node.modifier, (value,))
        for probe in alternatives(one, parameters, base):
            checks += [_check(table, where, parameters.values) for table, where in probe.alternatives]
    return lambda seen: any(check(seen) for check in checks) is not node.negated


def _check(table: str, where: str, values: Sequence[bytes | None]) -> Test:
    holds = compiled(where, values)
    return lambda seen: any(holds(row) for row in seen.rows(table, None))


def passes(definition: Definition, plans: Sequence[Plan], seen: Seen) -> bool:
    """Whether a change is of concern as far as memory tells."""
    if seen.resource is None or (seen.method == "DELETE" and definition.topic is None):
        return False  # R4: no notification when a resource is deleted
    own = [plan for plan in plans if plan.resource_type == seen.type]
    return (bool(own) or not plans) and all(test(seen) for plan in own for test in plan.tests)


async def match(
    definition: Definition, plans: Sequence[Plan], seen: Iterable[Seen], access: Access, base: str, select: Select
) -> Matched:
    """The changes that meet the definition, as its owner's access sees the record."""
    hits = [one for one in seen if passes(definition, plans, one)]
    for plan in plans:
        for node in plan.questions:
            concerned = [one for one in hits if one.type == plan.resource_type]
            if concerned:
                try:
                    met = await _ask(node, plan.resource_type, concerned, access, base, select)
                except DatabaseError:
                    return Matched([], failed=True)
                hits = [one for one in hits if one.type != plan.resource_type or one.sequence in met]
    return Matched(hits)


async def _ask(
    node: Node, resource_type: str, seen: Sequence[Seen], access: Access, base: str, select: Select
) -> set[int]:
    """Sequences of those that meet the node."""
    if isinstance(node, Chain) and link(node.parameter) == REFERENCE:
        outside = tuple(one for one in node.targets if one[0][0] != MARK)
        met = await _ask_targets(Chain(node.parameter, outside), seen, access, base, select)
        containing = [one for one in seen if one.resource is not None and "contained" in one.resource]
        inside = Chain(node.parameter, tuple(one for one in node.targets if one not in outside))
        return met | await _ask_record(inside, resource_type, containing, access, base, select) if containing else met
    return await _ask_record(node, resource_type, seen, access, base, select)


async def _ask_record(
    node: Node, resource_type: str, seen: Sequence[Seen], access: Access, base: str, select: Select
) -> set[int]:
    """Sequences of those that meet the node as the record has them now."""
    parameters = Parameters()
    conditions = Conditions(access, parameters, base)
    rids = conditions.array(sorted({one.rid for one in seen}), "bigint")
    test = conditions.condition(node, "k.rid", (resource_type,))
    rows = await select(parameters.statement(f"select k.rid from unnest({rids}) k(rid) where {test}"))
    met = {int.from_bytes(rid, "big") for (rid,) in rows}
    return {one.sequence for one in seen if one.rid in met}


async def _ask_targets(node: Chain, seen: Sequence[Seen], access: Access, base: str, select: Select) -> set[int]:
    """A chain begins at what this version refers to, and goes on in the record."""
    param_ids = frozenset(node.parameter.param_ids)
    referring = {one.sequence: one.targets(param_ids) for one in seen}
    targets = sorted({target for found in referring.values() for target in found})
    if not targets:
        return set()
    parameters = Parameters()
    conditions = Conditions(access, parameters, base)
    types = conditions.array([TYPE_ID[name] for name, _ in targets], "smallint")
    ids = parameters.add("{" + ",".join(f'"{id}"' for _, id in targets) + "}", "text[]")
    fits = " or ".join(
        f"(y.type_id = {TYPE_ID[target]} and {conditions.condition(below, 'y.rid', (target,))})"
        for target, below in node.targets
    )
    tests = [f"({fits})", "y.body is not null", conditions.seen("y.rid") or "true"]
    rows = await select(
        parameters.statement(
            f"select k.n from unnest({types}, {ids}) with ordinality k(type_id, fhir_id, n)"
            " join resource y on y.type_id = k.type_id and y.fhir_id = k.fhir_id"
            f" where {' and '.join(tests)}"
        )
    )
    met = {targets[int.from_bytes(n, "big") - 1] for (n,) in rows}
    return {sequence for sequence, found in referring.items() if not met.isdisjoint(found)}
