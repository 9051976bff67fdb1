"""Sets of which it is found out by reading whether they are few, along chains from their far end. https://hl7.org/fhir/R4/search.html#chaining"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.search.branch import merged
from fhir_server.search.by_token import SYSTEM_ALONE
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import MARK, is_contained
from fhir_server.search.criteria import All, Chain, Node, Reverse, Some
from fhir_server.search.links import link
from fhir_server.search.probe import one_of
from fhir_server.search.rank import led, whole

FEW = 300
"""To fetch as many, and to walk a million resources for twenty of as many, takes some milliseconds either way."""
ALONE = 1000
"""As many where nothing is tested on them: their rids are read from an index and sorted."""
AT_THE_END = 1500
"""Resources at the end of a chain: only their rids are read."""
ON_THE_WAY = 3000
"""As many in the middle of it."""
REFERRING = 1000
"""What refers to the resources a chain leads to, and these: rids are read and sorted."""


@dataclass(slots=True)
class Tables:
    """The tables of the statement's WITH."""

    conditions: Conditions
    texts: list[str] = field(default_factory=list)

    def few(self, rows: str, gates: Sequence[str], most: int) -> tuple[str, str]:
        """Name of the table of up to most + 1 of the rows, and the condition that there are more than that."""
        number = len(self.texts)
        name = f"few{number}"
        where = f" where {' and '.join(gates)}" if gates else ""
        self.texts.append(f"{name} as materialized (select s.rid from ({rows}) s{where} limit {most + 1})")
        self.texts.append(f"many{number} as materialized (select count(*) > {most} as so from {name})")
        return name, f"(select so from many{number})"

    def once(self, expression: str) -> str:
        """The condition or number, found once however often it stands in the statement."""
        name = f"once{len(self.texts)}"
        self.texts.append(f"{name} as materialized (select {expression} as so)")
        return f"(select so from {name})"

    def walked(self, rows: str, limit: str) -> tuple[str, str]:
        """Name of a table of these rows, and the condition that they fill a page."""
        name = f"walked{len(self.texts)}"
        self.texts.append(f"{name} as materialized ({rows})")
        return name, f"(select count(*) from {name}) >= {limit}"


def rows_of(
    node: Node, scope: Sequence[str], tables: Tables, gates: Sequence[str], *, live: bool = True
) -> tuple[str, list[str], str]:
    """SQL of all rids of the node, conditions under which they are not all, since a chain began with too many, and
    SQL of the rids at the far end of the node's reference.

    live: of a reverse chain only what is there and of the type; else the caller has to see to it.
    """
    conditions = tables.conditions
    found: list[str] = []
    if whole(node):
        for source in merged(conditions.sources(node, scope)):
            t = conditions.alias()
            where = source.where.replace("{t}", t)
            if source.table == "token" and SYSTEM_ALONE in where and " or " not in where:
                # Always true, but nothing that `token_code` has: for a system that hardly anything has, that index
                # would be read to the end of the parameter.
                where += f" and ({t}.low is null or {t}.low is not null)"
            found.append(f"select {t}.{source.column} as rid from {source.table} {t} where {where}")
        return " union all ".join(found), [], ""
    if isinstance(node, Some):
        parts = [rows_of(one, scope, tables, gates) for one in node.nodes]
        united = " union all ".join(f"({rows})" for rows, _, _ in parts)
        return united, [one for _, several, _ in parts for one in several], ""
    if isinstance(node, All):
        first, others = led(node)
        rows, truncated, _ = rows_of(first, scope, tables, gates)
        tests = [conditions.condition(one, "s.rid", scope) for one in others]
        # They may be of a type that is searched too, and do not meet what is asked of that.
        if seen := conditions.seen("s.rid", scope, contained=is_contained(scope)):
            tests.append(seen)
        return f"select s.rid from ({rows}) s where {' and '.join(tests)}", truncated, ""
    assert isinstance(node, Chain | Reverse)
    targets, truncated = targets_of(node, scope, tables, gates)
    x = conditions.alias()
    # From the few to what refers to them, or to what they refer to; never the other way around.
    near, far = ("target_rid", "rid") if isinstance(node, Chain) else ("rid", "target_rid")
    # A sum, so that no index by parameter is gone through for a resource's own references.
    number = f"{x}.param_id" if isinstance(node, Chain) else f"({x}.param_id + 0)"
    kinds = [kind for kind, _ in node.targets] if isinstance(node, Chain) else scope
    ids = one_of("param_id", node.parameter.ids_to(kinds)).replace("{t}.param_id", number)
    follows = [ids, f"{x}.{near} = b.rid"]
    seen = conditions.seen("b.rid", contained=isinstance(node, Chain))
    follows += [seen] if seen else []
    step = f"select {x}.{far} as rid from {link(node.parameter)} {x} where {' and '.join(follows)} offset 0"
    rows = f"select s.rid from ({targets}) b cross join lateral ({step}) s"
    if isinstance(node, Reverse):  # many may refer to the same
        rows = f"select distinct r.rid from ({rows}) r"
        if live:
            rows = f"select d.rid from ({rows}) d where {conditions.live(scope, 'd.rid')}"
    return rows, truncated, targets


def targets_of(
    node: Chain | Reverse, scope: Sequence[str], tables: Tables, gates: Sequence[str]
) -> tuple[str, list[str]]:
    """SQL of the rids at the far end of the node's reference, and conditions under which they are not all."""
    truncated: list[str] = []
    names = []
    steps = dict(node.targets) if isinstance(node, Chain) else {node.resource_type: node.node}
    for resource_type, below in steps.items():
        if resource_type[0] == MARK:
            continue
        rows, several, _ = rows_of(below, (resource_type,), tables, gates)
        contained = steps.get(MARK + resource_type)
        if contained is not None:
            # Into the same table, since there mostly is nothing.
            inner, more, _ = rows_of(contained, (MARK + resource_type,), tables, gates)
            rows, several = f"({rows}) union all ({inner})", [*several, *more]
        name, many = tables.few(rows, gates, _most(node, below))
        truncated += [*several, many]
        names.append(f"select rid from {name}")
    return " union ".join(names) if len(names) > 1 else f"{names[0]} group by rid", truncated


def _most(node: Chain | Reverse, below: Node) -> int:
    """Resources that may be at the far end of the node's reference."""
    if isinstance(below, Chain | Reverse):
        return ON_THE_WAY
    return AT_THE_END if isinstance(node, Chain) else FEW
