"""Resources walked newest first and tested, as long as that promises to fill the page. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.branch import Branch, filters, newest
from fhir_server.search.condition import Conditions, Source
from fhir_server.search.criteria import Node
from fhir_server.search.few import Tables, rows_of
from fhir_server.search.lines import fetched, lined
from fhir_server.search.referring import GATES

WALKED = 3000
"""Resources tested newest first before everything in a range is fetched, or everything that refers to some targets."""

SEVERAL = 50
"""What refers to a patient, from which on it is looked whether some of the newest patients fill the page."""
LOOKED_AT = 300
"""Patients that are looked at before what refers to them is gone through."""


def looked_at(
    nodes: Sequence[Node],
    referring: str,
    scope: Sequence[str],
    tables: Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> tuple[str, str]:
    """A page of the newest that are tested where not few refer to them, and the condition that they fill it."""
    conditions = tables.conditions
    several = tables.holds(f"(select count(*) > {SEVERAL} from ({referring}) n)")
    some = newest_of(scope, conditions, start, f"limit {LOOKED_AT}")
    walked, full = tables.walked(tested(some, (*filters(nodes, scope, conditions), *beyond, several), limit), limit)
    return f"select rid from {walked} where {full}", full


def walked_or_referring(
    nodes: Sequence[Node],
    lines: list[Source] | None,
    chain: tuple[str, list[str]],
    scope: Sequence[str],
    tables: Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> list[str]:
    """What refers to several targets may be anywhere: some of the newest resources (or of `lines`) are tested, and if
    these do not fill the page the targets are gone through; of too many, all are tested."""
    conditions = tables.conditions
    reached, truncated = chain
    tests = filters(nodes, scope, conditions)
    if lines:
        some = newest(lined(lines, ()), str(WALKED), conditions, *start)
    else:
        some = newest_of(scope, conditions, start, f"limit {WALKED}")
    walked, full = tables.walked(tested(some, (*tests, *beyond), limit), limit)
    too_many = f"({' or '.join(truncated)})"
    rest = [*beyond, f"not {full}", too_many]
    if lines:
        last = newest(lined(lines, tests), limit, conditions, *start, *rest)
    else:
        last = tested(newest_of(scope, conditions, start, "offset 0"), (*tests, *rest), limit)
    return [
        f"select rid from {walked} where {full}",
        reached.replace(GATES, " and ".join([*beyond, f"not {full}", *(f"not {one}" for one in truncated)])),
        last,
    ]


def walked_or_all(
    nodes: Sequence[Node],
    first: Node | None,
    lines: list[Source] | None,
    scope: Sequence[str],
    tables: Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> list[str]:
    """Ranges are in no order that helps: some of the newest resources (or of `lines`) are tested, and if these do not
    fill the page everything that `first` allows is. Without it all resources are tested."""
    conditions = tables.conditions
    tests = (*filters(nodes, scope, conditions), *beyond)
    if first is None:
        return [tested(newest_of(scope, conditions, start, "offset 0"), tests, limit)]
    if lines:
        some = newest(lined(lines, ()), str(WALKED), conditions, *start)
    else:
        some = newest_of(scope, conditions, start, f"limit {WALKED}")
    walked, full = tables.walked(tested(some, tests, limit), limit)
    others = filters([node for node in nodes if node is not first], scope, conditions)
    rows, _, _ = rows_of(first, scope, tables, ["false"])
    everything = f"select distinct s.rid from ({rows}) s where {' and '.join([*beyond, f'not {full}'])}"
    return [
        f"select rid from {walked} where {full}",
        newest([Branch(fetched(everything), (*others, *start), True, True)], limit, conditions),
    ]


def newest_of(scope: Sequence[str], conditions: Conditions, start: Sequence[str], bound: str) -> str:
    """SQL of the rids of the types, newest first; `bound`: how many."""
    w = conditions.alias()
    every = conditions.every(scope)
    where = " and ".join([every.where.replace("{t}", w), *start]).replace("{rid}", f"{w}.rid")
    return f"select {w}.rid from {every.table} {w} where {where} order by {w}.rid desc {bound}"


def tested(rows: str, tests: Sequence[str], limit: str) -> str:
    """SQL of a page of the rids that pass the tests."""
    where = " and ".join(tests).replace("{rid}", "q.rid")
    return f"select q.rid from ({rows}) q where {where} order by q.rid desc limit {limit}"
