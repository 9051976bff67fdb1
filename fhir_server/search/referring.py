"""What refers to a few resources, read from each of them in order. https://hl7.org/fhir/R4/search.html#chaining"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.search.branch import filters
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import plain
from fhir_server.search.criteria import Chain, Node
from fhir_server.search.lines import single
from fhir_server.search.links import link
from fhir_server.search.probe import one_of

NEAR = 200
"""Targets of a chain of each of which the newest that refer to it are read at once."""
GATES = "{gates}"
"""Stands in a statement where the conditions go under which it runs."""


def nearby(ends: str) -> str:
    """The condition that so many targets are not too many to read a page of each."""
    return f"({ends} <= {NEAR})"


@dataclass(frozen=True, slots=True)
class Reached:
    """A page of what refers to the targets of a chain."""

    text: str
    """As `referring` has it."""
    near: str
    """The condition that there are few targets, and nothing led better."""
    complete: list[str]
    """Conditions under which all the targets are known."""


def referring(
    node: Chain,
    targets: str,
    others: Sequence[Node],
    scope: Sequence[str],
    conditions: Conditions,
    limit: str,
    start: Sequence[str],
) -> str:
    """SQL of the newest that refer to the targets: a page of each target, read in order. `GATES` is still open."""
    x = conditions.alias()
    seen = conditions.seen("b.rid", contained=True)
    more = [*start, *([seen] if seen else [])]

    def newest(table: str, where: Sequence[str], nodes: Sequence[Node]) -> str:
        tests = " and ".join([*where, *filters(nodes, scope, conditions), *more]).replace("{rid}", f"{x}.rid")
        return f"select distinct {x}.rid from {table} {x} where {tests} order by {x}.rid desc limit {limit}"

    ids = node.parameter.ids_to([kind for kind, _ in node.targets])
    refers = [one_of("param_id", ids).replace("{t}", x), f"{x}.target_rid = b.rid"]
    coded = _coded(node, others, scope, conditions)
    if coded:
        # Patients and a code: the values of each patient; of those that are contained there are none.
        other, text = coded
        values = [f"{x}.patient_rid = b.rid", text.replace("{t}", x)]
        step = newest("patient_value", values, [one for one in others if one is not other])
        step = f"({step}) union all ({newest(link(node.parameter), ['b.rid < 0', *refers], others)})"
    else:
        step = newest(link(node.parameter), refers, others)
    open_targets = f"select t.rid from ({targets}) t where {GATES}"
    return (
        f"select distinct s.rid from ({open_targets}) b cross join lateral ({step}) s order by s.rid desc limit {limit}"
    )


def _coded(
    node: Chain, others: Sequence[Node], scope: Sequence[str], conditions: Conditions
) -> tuple[Node, str] | None:
    """A node that asks for a code of the patients at the end of the chain, and its condition on `patient_value {t}`."""
    if any(plain(target) != "Patient" for target, _ in node.targets):
        return None
    for other in others:
        mark = conditions.mark()
        found = conditions.patient_values(node.parameter, other)
        if found and len(found) == 1 and single(found[0]):
            return other, found[0]
        conditions.back(mark)
    return None
