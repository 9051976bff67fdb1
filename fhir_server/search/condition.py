"""Criteria as SQL: as a condition on a row found otherwise, and as the set of rows a page is read from.

Two forms, because PostgreSQL plans them differently (docs/decisions/search-statements.md): `condition` is an `exists`
that can be probed for one rid; `sources` are sets, each of which an index yields in page order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from fhir_server.access import visible
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.alternatives import MANY, alternatives
from fhir_server.search.criteria import Chain, Leaf, Member, Node, Reverse
from fhir_server.search.probe import either
from fhir_server.statement import Parameters
from smart_auth.scopes import Access

_SEPARATE = 8
"""Alternatives up to this number are sets of their own, each read in page order; more are put together."""


@dataclass(frozen=True, slots=True)
class Source:
    """The set `select {t}.{column} from {table} t where {where}`."""

    table: str
    where: str
    column: str = "rid"


@dataclass(slots=True)
class Conditions:
    """Writes criteria as SQL into one statement."""

    access: Access
    parameters: Parameters
    base: str
    """Own FHIR base URL: absolute references to it are local."""
    _aliases: count[int] = field(default_factory=count)
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def alias(self) -> str:
        """A table alias not used in the statement yet."""
        return f"t{next(self._aliases)}"

    def bound(self, value: str | int, sql_type: str) -> str:
        """Placeholder of a value; one value is sent once."""
        key = (str(value), sql_type)
        if key not in self._numbers:
            self._numbers[key] = self.parameters.add(value, sql_type)
        return self._numbers[key]

    def array(self, values: Sequence[int], sql_type: str) -> str:
        """Placeholder of an array of integers."""
        return self.bound("{" + ",".join(map(str, values)) + "}", f"{sql_type}[]")

    def rid_of(self, resource_type: str, id: str) -> str:
        """The rid of a resource that is named, as a scalar subquery; null if there is none."""
        return (
            f"(select n.rid from resource n where n.type_id = {self.bound(TYPE_ID[resource_type], 'smallint')}"
            f" and n.fhir_id = {self.bound(id, 'text')})"
        )

    def seen(self, rid: str) -> str:
        """Condition that the access may see the resource; "" where it may see all."""
        alias = self.alias()
        condition = visible(self.access, alias, self.parameters)
        if condition == "true":
            return ""
        return f"exists (select from resource {alias} where {alias}.rid = {rid} and {condition})"

    def of_types(self, types: Sequence[str], alias: str) -> str:
        """Condition on `resource` that the row is a live one of the types."""
        live = f"{alias}.body is not null"
        if len(types) == 1:
            return f"{alias}.type_id = {self.bound(TYPE_ID[types[0]], 'smallint')} and {live}"
        if len(types) == len(RESOURCE_TYPES):
            return live
        return f"{alias}.type_id = any({self.array([TYPE_ID[one] for one in types], 'smallint')}) and {live}"

    def tests(self, node: Leaf, types: Sequence[str]) -> list[tuple[str, str]]:
        """The leaf's alternatives as (table, where)."""
        found = [
            (table, f"{where} and {self.of_types(types, '{t}')}" if table == "resource" else where)
            for one in alternatives(node, self.parameters, self.base)
            for table, where in one.alternatives
        ]
        if node.parameter.code == "_id" and len(node.values) > MANY:
            # Fetched by id first; else they may be looked for among all resources, newest first.
            i = self.alias()
            [(_, where)] = found
            wanted = f"select {i}.rid from resource {i} where {where.replace('{t}', i)}"
            return [("resource", f"{{t}}.rid = any(array({wanted}))")]
        return found

    def sources(self, node: Node, types: Sequence[str]) -> list[Source]:
        """The node as a union of sets of rids of the searched types; none for a negated leaf."""
        if isinstance(node, Leaf):
            return [] if node.negated else [Source(*one) for one in self.tests(node, types)]
        if isinstance(node, Member):
            return self._member(node, types)
        if isinstance(node, Chain):
            return [Source("reference", where) for where in self._chained(node)]
        y = self.alias()
        live = f"exists (select from resource {y} where {y}.rid = {{t}}.target_rid and {self.of_types(types, y)})"
        return [Source("reference", f"{self._referring(node, '{t}')} and {live}", "target_rid")]

    def condition(self, node: Node, rid: str, types: Sequence[str]) -> str:
        """The node as a condition on the resource with this rid, which is of one of the types."""
        if isinstance(node, Reverse):
            x = self.alias()
            return f"exists (select from reference {x} where {x}.target_rid = {rid} and {self._referring(node, x)})"
        if isinstance(node, Leaf):
            found = self.tests(node, types)
        else:
            found = [(source.table, source.where) for source in self.sources(node, types)]
        by_table: dict[str, list[str]] = {}
        for table, where in found:
            by_table.setdefault(table, []).append(where)
        tests = [self._exists(table, either(wheres), rid) for table, wheres in by_table.items()]
        if isinstance(node, Leaf) and node.negated:
            return " and ".join(f"not {test}" for test in tests)
        return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"

    def _exists(self, table: str, where: str, rid: str) -> str:
        t = self.alias()
        return f"exists (select from {table} {t} where {t}.rid = {rid} and ({where.replace('{t}', t)}))"

    def rid_set(self, node: Node, types: Sequence[str]) -> str:
        """The node as a subquery of rids of live resources of the types."""
        parts = []
        for source in self.sources(node, types):
            t = self.alias()
            parts.append(f"select {t}.{source.column} from {source.table} {t} where {source.where.replace('{t}', t)}")
        if not parts:
            t = self.alias()
            tests = f"{self.of_types(types, t)} and {self.condition(node, f'{t}.rid', types)}"
            parts.append(f"select {t}.rid from resource {t} where {tests}")
        return " union all ".join(parts)

    def _chained(self, node: Chain) -> list[str]:
        """Conditions on `reference {t}`, any of which may hold, one for each type of target."""
        head = f"{{t}}.param_id = {node.parameter.param_id}"
        seen = self.seen("{t}.target_rid")
        head = f"{head} and {seen}" if seen else head
        if len(node.targets) > _SEPARATE:
            sets = " union all ".join(self.rid_set(below, (target,)) for target, below in node.targets)
            return [f"{head} and {{t}}.target_rid in ({sets})"]
        found = []
        for target, below in node.targets:
            test = self.condition(below, "{t}.target_rid", (target,))
            if isinstance(below, Leaf) and below.negated:
                # What a resource lacks says nothing about its type.
                y = self.alias()
                live = self.of_types((target,), y)
                test += f" and exists (select from resource {y} where {y}.rid = {{t}}.target_rid and {live})"
            found.append(f"{head} and {test}")
        return found

    def _referring(self, node: Reverse, x: str) -> str:
        """Condition on `reference x` that its row refers as the node says."""
        test = self.condition(node.node, f"{x}.rid", (node.resource_type,))
        seen = self.seen(f"{x}.rid")
        return f"{x}.param_id = {node.parameter.param_id} and {test}" + (f" and {seen}" if seen else "")

    def _member(self, node: Member, types: Sequence[str]) -> list[Source]:
        target = f"{{t}}.target_rid = {self.rid_of(node.compartment, node.id)}"
        numbers = node.param_ids
        if len(numbers) > _SEPARATE:
            found = [Source("reference", f"{{t}}.param_id = any({self.array(numbers, 'integer')}) and {target}")]
        else:
            found = [Source("reference", f"{{t}}.param_id = {number} and {target}") for number in numbers]
        if node.itself:
            own = f"{{t}}.fhir_id = {self.bound(node.id, 'text')} and {self.of_types((node.compartment,), '{t}')}"
            found.append(Source("resource", own))
        return found
