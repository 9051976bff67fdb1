"""From which set a page is read: the criteria of a search as branches, each of which one index yields in page order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.search.alternatives import alternatives
from fhir_server.search.condition import Conditions, Source
from fhir_server.search.criteria import Chain, Criterion, Leaf, Member, Node, Reverse
from fhir_server.search.parameters import search_parameter
from fhir_server.search.probe import either
from fhir_server.search.query import SearchQuery

MAX_BRANCHES = 16
"""Alternatives of the driving criterion that are read apart; more are put into one condition."""

_RID = "{rid}"
_PATIENT = re.compile(r"(?:Patient/)?([A-Za-z0-9\-.]{1,64})")


@dataclass(frozen=True, slots=True)
class Branch:
    """A set of resources: the rows of a source for whose rid every filter holds."""

    source: Source
    filters: tuple[str, ...]
    """Conditions on the resource; "{rid}" stands for its rid."""
    unique: bool
    """The source has each resource once."""
    point: bool
    """Few rows by one key: any value has the same best plan."""

    def rid(self, alias: str) -> str:
        """The column that holds the rid."""
        return f"{alias}.{self.source.column}"

    def body(self, alias: str, *more: str) -> str:
        """SQL from FROM on, with further conditions on "{rid}"."""
        tests = [self.source.where.replace("{t}", alias), *self.filters, *more]
        return f"from {self.source.table} {alias} where {' and '.join(tests).replace(_RID, self.rid(alias))}"


def scopes(query: SearchQuery, *, apart: bool = False) -> list[tuple[str, ...]]:
    """The types that can be searched together: all, if no criterion depends on the type, else (or if wanted) each
    alone."""
    if apart:
        return [(one,) for one in query.types]
    nodes = (criterion.nodes[query.types[0]] for criterion in query.criteria)
    if all(isinstance(node, Member) or (isinstance(node, Leaf) and node.parameter.column) for node in nodes):
        return [query.types]
    return [(one,) for one in query.types]


def branches(criteria: Sequence[Criterion], scope: Sequence[str], conditions: Conditions, *more: str) -> list[Branch]:
    """The resources of the scope's types that meet all criteria (and conditions on "{rid}"), as a union of branches."""
    nodes = [criterion.nodes[scope[0]] for criterion in criteria]
    sources, unique, point, rest = _driver(nodes, scope, conditions)
    tests = filters(rest, scope, conditions) + more
    return [Branch(source, tests, unique, point) for source in sources]


def filters(nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions) -> tuple[str, ...]:
    """The nodes, and that the access sees the resource, as conditions on "{rid}"."""
    tests = [conditions.condition(node, _RID, scope) for node in nodes]
    seen = conditions.seen(_RID)
    return (*tests, seen) if seen else tuple(tests)


def _driver(
    nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions
) -> tuple[list[Source], bool, bool, list[Node]]:
    """The sources to read from (each resource once in each?, a point?), and the nodes left to test."""
    shortcut = _patient_values(nodes, scope, conditions)
    if shortcut:
        return shortcut
    best = min(nodes, key=_rank, default=None)
    if best is None or _rank(best) >= _NEVER:
        return [Source("resource", conditions.of_types(scope, "{t}"))], True, False, list(nodes)
    sources = conditions.sources(best, scope)
    if len(sources) > MAX_BRANCHES:
        by_table: dict[tuple[str, str], list[str]] = {}
        for source in sources:
            by_table.setdefault((source.table, source.column), []).append(source.where)
        sources = [Source(table, either(wheres), column) for (table, column), wheres in by_table.items()]
    unique = all(source.table == "resource" for source in sources)
    point = isinstance(best, Leaf) and (best.parameter.code in _POINTS or patient_of(best) is not None)
    return sources, unique, point, [node for node in nodes if node is not best]


_NEVER = 10
_POINTS = frozenset({"_id", "identifier"})
_RANKS: dict[str, int] = {
    "reference": 2, "token": 3, "uri": 3, "composite": 4, "string": 5, "quantity": 6, "number": 6, "date": 6
}  # fmt: skip


def _rank(node: Node) -> int:
    """How well a node leads: few rows and rid order first. The planner may still turn the order around."""
    match node:
        case Leaf(negated=True):
            return _NEVER
        case Leaf():
            if node.parameter.code in _POINTS:
                return 0 if node.parameter.column else 1
            if node.parameter.column:
                return 9
            return _RANKS[node.parameter.type] + (0 if node.values else 4)
        case Member():
            return 2
        case Chain():
            return 4 if not any(isinstance(below, Leaf) and below.negated for _, below in node.targets) else 8
        case Reverse():
            return 5


def patient_of(node: Node) -> str | None:
    """The id, if the node asks for one certain patient."""
    if not (isinstance(node, Leaf) and node.parameter.type == "reference" and len(node.values) == 1):
        return None
    if node.negated or node.modifier not in (None, "Patient") or node.parameter.code not in ("patient", "subject"):
        return None
    found = _PATIENT.fullmatch(node.values[0])
    if found is None:
        return None
    own = search_parameter(node.resource_type, "patient")
    if own is None or {leaf.moves for leaf in own.leaves} != {leaf.moves for leaf in node.parameter.leaves}:
        return None
    certain = "/" in node.values[0] or node.modifier or node.parameter.code == "patient"
    return found[1] if certain else None


def _patient_values(
    nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions
) -> tuple[list[Source], bool, bool, list[Node]] | None:
    """A patient and a code: the commonest clinical search is one range of `patient_value`."""
    for patient in nodes:
        id = patient_of(patient)
        if id is None:
            continue
        for node in nodes:
            if not (isinstance(node, Leaf) and node.parameter.type == "token" and node.values) or node.negated:
                continue
            if node.modifier is not None or _alone(node) or len(node.values) > MAX_BRANCHES:
                continue
            probes = alternatives(node, conditions.parameters, conditions.base)
            rid = conditions.rid_of("Patient", id)
            sources = [Source("patient_value", f"{{t}}.patient_rid = {rid} and {one.patient_value}") for one in probes]
            return sources, False, True, [other for other in nodes if other is not node and other is not patient]
    return None


def _alone(node: Leaf) -> bool:
    """Whether the token has no rows in `patient_value`: identifiers, tags and labels are not clinical."""
    parameter = node.parameter
    return bool(parameter.column) or parameter.code in ("_tag", "_security") or "Identifier" in parameter.data_types
