"""Resources walked newest first and tested, as long as that promises to fill the page. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.branch import filters, newest
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Node
from fhir_server.search.few import Tables, rows_of
from fhir_server.search.lines import lined
from fhir_server.search.referring import GATES, Reached
from fhir_server.search.resources import Source

WALKED = 3000
"""Resources tested newest first before everything in a range is fetched, or everything that refers to some targets."""
CHAINED = 500
"""As many where a chain is tested, which takes several times as long."""


def walked_or_referring(
    nodes: Sequence[Node],
    lines: list[Source] | None,
    chain: Reached,
    scope: Sequence[str],
    tables: Tables,
    limit: str,
    start: Sequence[str],
    beyond: Sequence[str],
) -> list[str]:
    """Where a chain leads to a few, what refers to them is read. What refers to many may be anywhere: some of the
    newest resources (or of `lines`) are tested, and only if these do not fill the page the many are gone through; of
    too many, all resources are tested."""
    conditions = tables.conditions
    tests = filters(nodes, scope, conditions)
    some = _some(CHAINED, lines, scope, conditions, start)
    walked, full = tables.walked(tested(some, (*tests, *beyond), limit), limit)
    rest = [*beyond, f"not {full}"]
    many = " and ".join([*rest, *chain.complete])
    rest.append(f"not ({' and '.join(chain.complete)})")
    if lines:
        last = newest(lined(lines, tests), limit, conditions, *start, *rest)
    else:
        last = tested(newest_of(scope, conditions, start, "offset 0"), (*tests, *rest), limit)
    return [
        f"select rid from {walked} where {full}",
        chain.text.replace(GATES, f"(({chain.near}) or ({many}))"),
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
    some = _some(WALKED, lines, scope, conditions, start)
    walked, full = tables.walked(tested(some, tests, limit), limit)
    others = filters([node for node in nodes if node is not first], scope, conditions)
    rows, _, _ = rows_of(first, scope, tables, ["false"])
    gates = " and ".join([*beyond, f"not {full}"])
    everything = f"select distinct s.rid from ({rows}) s where {gates} order by rid desc offset 0"
    return [f"select rid from {walked} where {full}", tested(everything, (*others, *start), limit)]


def _some(
    most: int, lines: list[Source] | None, scope: Sequence[str], conditions: Conditions, start: Sequence[str]
) -> str:
    """SQL of so many of the newest resources, of `lines` or of all."""
    if lines:
        return newest(lined(lines, ()), str(most), conditions, *start)
    return newest_of(scope, conditions, start, f"limit {most}")


def newest_of(scope: Sequence[str], conditions: Conditions, start: Sequence[str], bound: str) -> str:
    """SQL of the rids of the types, newest first; `bound`: how many."""
    w = conditions.alias()
    every = conditions.every(scope)
    where = " and ".join([every.where.replace("{t}", w), *start]).replace("{rid}", f"{w}.rid")
    return f"select {w}.rid from {every.table} {w} where {where} order by {w}.rid desc {bound}"


def tested(rows: str, tests: Sequence[str], limit: str) -> str:
    """SQL of a page of the rids that pass the tests."""
    where = " and ".join(tests).replace("{rid}", "q.rid") or "true"
    return f"select q.rid from ({rows}) q where {where} order by q.rid desc limit {limit}"
