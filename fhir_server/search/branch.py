"""From which set a page is read: the criteria of a search as branches, each of which one index yields in page order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fhir_server.search.condition import Conditions, clinical, to_patient
from fhir_server.search.contained import MARK, is_contained
from fhir_server.search.criteria import Criterion, Leaf, Member, Node
from fhir_server.search.parameters import FULL_TEXT
from fhir_server.search.presence import in_sets, stretch
from fhir_server.search.probe import either
from fhir_server.search.query import SearchQuery
from fhir_server.search.rank import MAX_BRANCHES, NEVER, POINTS, rank
from fhir_server.search.resources import Source

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

    def body(self, alias: str, *more: str, apart: bool = False) -> str:
        """SQL from FROM on, with further conditions on "{rid}". `apart`: of one part of the set."""
        tests = [self.source.where.replace("{t}", alias), *self.filters, *more]
        each = f"{self.source.each} cross join " if self.source.each and not apart else ""
        return f"from {each}{self.source.table} {alias} where {' and '.join(tests).replace(_RID, self.rid(alias))}"


def scopes(query: SearchQuery, *, apart: bool = False) -> list[tuple[str, ...]]:
    """The types that can be searched together: all, if no criterion depends on the type, else (or if wanted) each
    alone."""
    if apart or query.contained:
        return [(one,) for one in query.types]
    nodes = (criterion.nodes[query.types[0]] for criterion in query.criteria)
    if all(isinstance(node, Member) or (isinstance(node, Leaf) and _of_any_type(node)) for node in nodes):
        return [query.types]
    return [(one,) for one in query.types]


def _of_any_type(leaf: Leaf) -> bool:
    return bool(leaf.parameter.column) or leaf.parameter.code in FULL_TEXT


def branches(criteria: Sequence[Criterion], scope: Sequence[str], conditions: Conditions, *more: str) -> list[Branch]:
    """The resources of the scope's types that meet all criteria (and conditions on "{rid}"), as a union of branches."""
    nodes = [criterion.nodes[scope[0]] for criterion in criteria]
    sources, unique, point, rest = _driver(nodes, scope, conditions)
    tests = filters(rest, scope, conditions) + more
    return [Branch(source, tests, unique, point) for source in sources]


def filters(nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions) -> tuple[str, ...]:
    """The nodes, and that the access sees the resource, as conditions on "{rid}"."""
    tests = [conditions.condition(node, _RID, scope) for node in nodes]
    seen = conditions.seen(_RID, contained=True) if is_contained(scope) else conditions.found(_RID, scope)
    return (*tests, seen) if seen else tuple(tests)


def _driver(
    nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions
) -> tuple[list[Source], bool, bool, list[Node]]:
    """The sources to read from (each resource once in each?, a point?), and the nodes left to test."""
    shortcut = _patient_values(nodes, scope, conditions)
    if shortcut:
        return shortcut
    best = min(nodes, key=rank, default=None)
    if best is None or rank(best) >= NEVER:
        return [conditions.every(scope)], True, False, list(nodes)
    sources = [conditions.set_by_set(best, scope)] if in_sets(best) else merged(conditions.sources(best, scope))
    unique = all(source.table == "resource" for source in sources)
    return sources, unique, _point(best), [node for node in nodes if node is not best]


def newest(found: Sequence[Branch], limit: str, conditions: Conditions, *more: str) -> str:
    """The newest rids of the branches. Each stops by itself: a union as a whole would be read to its end."""
    parts = []
    for branch in found:
        a = conditions.alias()
        distinct = "" if branch.unique else "distinct "
        body = branch.body(a, *more, apart=True)
        first = f"{stretch(branch.rid(a))} desc, " if branch.source.each else ""
        part = f"select {distinct}{branch.rid(a)} as rid {body} order by {first}{branch.rid(a)} desc limit {limit}"
        if branch.source.each:
            p = conditions.alias()
            each = f"{branch.source.each} cross join lateral ({part}) {p}"
            part = f"select {p}.rid from {each} order by {p}.rid desc limit {limit}"
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return f"select u.rid from ({' union '.join(f'({part})' for part in parts)}) u order by u.rid desc limit {limit}"


def all_of(found: Sequence[Branch], conditions: Conditions, *more: str) -> str:
    """All rids of the branches that meet further conditions on "{rid}", each once."""
    parts = []
    for branch in found:
        a = conditions.alias()
        parts.append(f"select {'' if branch.unique else 'distinct '}{branch.rid(a)} as rid {branch.body(a, *more)}")
    return " union ".join(parts)


def is_point(query: SearchQuery) -> bool:
    """Whether the search begins with few rows by one key, whatever the values: a patient's, an id's."""
    nodes = [criterion.nodes[query.types[0]] for criterion in query.criteria]
    if len(query.types) > 1 or not nodes:
        return False
    best = min(nodes, key=rank)
    return _point(best) or any(_shortcut(nodes))


def _point(node: Node) -> bool:
    if not isinstance(node, Leaf) or node.negated:
        return False
    if node.parameter.code in POINTS:
        return node.coded
    return patient_of(node) is not None


def merged(sources: list[Source]) -> list[Source]:
    """Sources as they are up to MAX_BRANCHES; more are put into one for each table."""
    if len(sources) <= MAX_BRANCHES:
        return sources
    by_table: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        by_table.setdefault((source.table, source.column), []).append(source.where)
    return [Source(table, either(wheres), column) for (table, column), wheres in by_table.items()]


def patient_of(node: Node) -> str | None:
    """The id, if the node asks for one certain patient."""
    if not (isinstance(node, Leaf) and node.parameter.type == "reference" and len(node.values) == 1):
        return None
    if node.negated or node.modifier not in (None, "Patient") or node.parameter.code not in ("patient", "subject"):
        return None
    if node.resource_type[0] == MARK:
        return None
    found = _PATIENT.fullmatch(node.values[0])
    if found is None:
        return None
    if not to_patient(node.parameter):
        return None
    certain = "/" in node.values[0] or node.modifier or node.parameter.code == "patient"
    return found[1] if certain else None


def _patient_values(
    nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions
) -> tuple[list[Source], bool, bool, list[Node]] | None:
    """A patient and a code: the commonest clinical search is one range of `patient_value`."""
    for id, patient, node in _shortcut(nodes):
        probes = conditions.probes(node)
        rid = conditions.rid_of("Patient", id)
        sources = [Source("patient_value", f"{{t}}.patient_rid = {rid} and {one.patient_value}") for one in probes]
        return sources, False, True, [other for other in nodes if other is not node and other is not patient]
    return None


def _shortcut(nodes: Sequence[Node]) -> Iterator[tuple[str, Node, Leaf]]:
    """Each pair of a node that asks for one patient (id, node) and one that asks for a code of `patient_value`."""
    for patient in nodes:
        id = patient_of(patient)
        if id is None:
            continue
        for node in nodes:
            if not (isinstance(node, Leaf) and node.parameter.type == "token" and node.values) or node.negated:
                continue
            if (node.modifier is None or node.codes) and clinical(node.parameter) and len(node.values) <= MAX_BRANCHES:
                yield id, patient, node
