"""Criteria as SQL: as a condition on a row found otherwise, and as the set of rows a page is read from.

Two forms, because PostgreSQL plans them differently (docs/decisions/search-statements.md): `condition` is an `exists`
that can be probed for one rid; `sources` are sets, each of which an index yields in page order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search import by_reference, by_text
from fhir_server.search.alternatives import MANY, alternatives
from fhir_server.search.by_date import spans
from fhir_server.search.contained import MARK
from fhir_server.search.criteria import All, Between, Chain, Leaf, Member, Node, Not, Reverse, Some
from fhir_server.search.hierarchy import PARENT, parent_of
from fhir_server.search.links import REFERENCE, link
from fhir_server.search.parameters import FULL_TEXT, SearchParameter, shipped
from fhir_server.search.presence import UNKNOWN, in_sets, of_r4, sets, stretch
from fhir_server.search.probe import Probe, either, one_of
from fhir_server.search.rank import led, named
from fhir_server.search.resources import Resources, Source
from fhir_server.search.values import unescape

_RANGED = frozenset(("string", "date", "number", "quantity", "composite", "uri"))
"""Search tables that are asked for ranges of their values."""

_SEPARATE = 8
"""Alternatives up to this number are sets of their own, each read in page order; more are put together."""


def clinical(parameter: SearchParameter) -> bool:
    """Whether the tokens of a patient's resources stand in `patient_value` too: identifiers, tags and labels do not.

    Nor do those of custom parameters.
    """
    own = parameter.code in ("_tag", "_security") or "Identifier" in parameter.data_types
    return not (parameter.column or parameter.custom or own)


def to_patient(reference: SearchParameter) -> bool:
    """Whether the reference is the one to the patient of its type: it selects what R4's `patient` does."""
    patient = None if reference.custom else shipped(reference.resource_type).get("patient")
    return patient is not None and {one.moves for one in patient.leaves} == {one.moves for one in reference.leaves}


_Probes = dict[int, tuple[Leaf, list[Probe]]]
"""By the leaf's identity, which is its own for as long as the leaf is here."""
_Mark = tuple[int, dict[tuple[str, str], str], _Probes]


@dataclass(slots=True)
class Conditions(Resources):
    """Writes criteria as SQL into one statement."""

    _probes: _Probes = field(default_factory=dict)

    def probes(self, node: Leaf) -> list[Probe]:
        """The leaf's alternatives: made once in a statement, and their values sent once. Raises Invalid."""
        known = self._probes.get(id(node))
        if known is None:
            known = self._probes[id(node)] = node, alternatives(node, self.parameters, self.base)
        return known[1]

    def mark(self) -> _Mark:
        """Where the parameters stand now, for `back`."""
        return len(self.parameters.values), dict(self._numbers), dict(self._probes)

    def back(self, mark: _Mark) -> None:
        """Takes back what was bound since: a parameter that the text does not use would be an error."""
        del self.parameters.values[mark[0] :]
        self._numbers, self._probes = mark[1:]

    def tests(self, node: Leaf, types: Sequence[str]) -> list[tuple[str, str]]:
        """The leaf's alternatives as (table, where). Raises Invalid."""
        if node.modifier in ("above", "below") and "Reference" in node.parameter.data_types:
            return [("reference", self._along(node, value)) for value in node.values]
        if node.parameter.code in FULL_TEXT:
            return [("full_text", self._words(node, value, types)) for value in node.values]
        found = [
            (table, f"{where} and {self.of_types(types, '{t}')}" if table == "resource" else where)
            for one in self.probes(node)
            for table, where in one.alternatives
        ]
        if node.parameter.column == "fhir_id" and len(node.values) > MANY:
            # Fetched by id first; else they may be looked for among all resources, newest first.
            i = self.alias()
            [(_, where)] = found
            wanted = f"select {i}.rid from resource {i} where {where.replace('{t}', i)}"
            return [("resource", f"{{t}}.rid = any(array({wanted}))")]
        return found

    def _words(self, node: Leaf, value: str, types: Sequence[str]) -> str:
        """Condition on `full_text {t}`. Its rows follow the record: those of other versions count for nothing."""
        v = self.alias()
        current = f"{v}.rid = {{t}}.rid and {v}.version = {{t}}.version and {self.of_types(types, v)}"
        words = by_text.condition(node.parameter.code, value, types, self.parameters)
        return f"{words} and exists (select from resource {v} where {current})"

    def _along(self, node: Leaf, value: str) -> str:
        """Condition on `reference {t}` that its target is the value or below (or above) it."""
        parameter, found = node.parameter, by_reference.target(unescape(value), self.base + "/")
        possible = [one for one in parameter.types_of_target if one in PARENT]
        types = [one for one in possible if found.type in ("", one)]
        if not types or not (found.local or by_reference.ID.fullmatch(found.text)):
            raise Invalid(
                f"search parameter '{parameter.code}:{node.modifier}' wants an id, Type/id or URL of this server, of "
                + (" or ".join(possible) or "a type that is part of its own kind; it refers to none"),
                code="value",
            )
        sets = []
        for name in types:
            parent, a, x = parent_of(name), self.alias(), self.alias()
            assert parent is not None
            near, far = ("target_rid", "rid") if node.modifier == "below" else ("rid", "target_rid")
            seen = self.seen(f"{x}.{far}")
            step = f"{x}.param_id = {parent.param_id} and {x}.{near} = {a}.rid{' and ' + seen if seen else ''}"
            sets.append(
                f"(with recursive {a}(rid) as (select {self.rid_of(name, found.id or found.text)}"
                f" union select {x}.{far} from {a} join reference {x} on {step}) select rid from {a})"
            )
        return f"{one_of('param_id', parameter.param_ids)} and {{t}}.target_rid = any(array({' union '.join(sets)}))"

    def between(self, node: Between) -> list[tuple[str, str]]:
        """The range of a date as (table, where), one for each partial index."""
        key = one_of("param_id", node.leaves[0].parameter.param_ids)
        found = [spans(leaf.values[0], leaf.parameter.code, self.parameters) for leaf in node.leaves]
        # Where a value allows no long range, none is left.
        return [("date", " and ".join([key, *tests])) for tests in zip(*found, strict=False)]

    def sources(self, node: Node, types: Sequence[str]) -> list[Source]:
        """The node as a union of sets of rids of the searched types; none for one that only says what is not so."""
        if isinstance(node, Some):
            return [source for one in node.nodes for source in self.sources(one, types)]
        if isinstance(node, All):
            first, others = led(node)
            return [self._narrowed(source, others, types) for source in self.sources(first, types)]
        if isinstance(node, Not):
            return []
        if isinstance(node, Between):
            return [Source(*one) for one in self.between(node)]
        if in_sets(node):
            return [Source("resource", self._in_set(node, "{t}", types))]
        if of_r4(node) and node.negated:
            every = self.every(types)  # what is contained: few
            return [Source(every.table, f"{every.where} and {self._by_rows(node, '{t}.rid', types)}")]
        if isinstance(node, Leaf):
            return [] if node.negated else [Source(*one) for one in self.tests(node, types)]
        if isinstance(node, Member):
            return self._member(node, types)
        if isinstance(node, Chain):
            return [Source(link(node.parameter), where) for where in self._chained(node)]
        live = self.live(types, "{t}.target_rid")
        return [Source(link(node.parameter), f"{self._referring(node, '{t}', types)} and {live}", "target_rid")]

    def set_by_set(self, node: Leaf, types: Sequence[str]) -> Source:
        """The source of a node that sets tell of, each of which has its resources in order of their rids."""
        e = self.alias()
        known = f"({e}.number <> {UNKNOWN} or {self._by_rows(node, '{t}.rid', types)})"
        where = f"{self.of_types(types, '{t}')} and {{t}}.parameter_set = {e}.number and {known}"
        if self.before:
            where += f" and {stretch('{t}.rid')} <= {stretch(self.before)}"
        return Source("resource", where, each=f"({self._sets(node, types)}) {e}(number)")

    def condition(self, node: Node, rid: str, types: Sequence[str]) -> str:
        """The node as a condition on the resource with this rid, which is of one of the types."""
        if not in_sets(node):
            return self._by_rows(node, rid, types)
        r, e, s, x = self.alias(), self.alias(), self.alias(), self.alias()
        own = f"exists (select from resource {r} where {r}.rid = {rid} and {self._in_set(node, r, types)}{self.fixed})"
        # Where nothing meets it, that is found out once.
        some = f"select from resource {x} where {self.of_types(types, x)} and {x}.parameter_set = {e}.number limit 1"
        each = f"({self._sets(node, types)}) {e}(number)"
        return f"(select exists (select from {each} cross join lateral ({some}) {s})) and {own}"

    def _in_set(self, node: Leaf, alias: str, types: Sequence[str]) -> str:
        """Condition on `resource` that its set meets the node, or its rows do where no set is known."""
        return (
            f"{self.of_types(types, alias)} and {alias}.parameter_set = any(array({self._sets(node, types)}))"
            f" and ({alias}.parameter_set <> {UNKNOWN} or {self._by_rows(node, f'{alias}.rid', types)})"
        )

    def _sets(self, node: Leaf, types: Sequence[str]) -> str:
        """SQL of the numbers of the sets that may meet the node."""
        [only] = types
        return f"select {UNKNOWN} union all {sets(node, self.bound(TYPE_ID[only], 'smallint'))}"

    def _by_rows(self, node: Node, rid: str, types: Sequence[str]) -> str:
        if isinstance(node, All | Some):
            tests = [f"({self.condition(one, rid, types)})" for one in node.nodes]
            return " and ".join(tests) if isinstance(node, All) else f"({' or '.join(tests)})"
        if isinstance(node, Not):
            return f"not ({self.condition(node.node, rid, types)})"
        if isinstance(node, Reverse):
            mark = self.mark()
            known = self._patient_has(node, rid, types)
            if known is not None:
                return known
            self.back(mark)
            x = self.alias()
            referring = self._referring(node, x, types)
            table = link(node.parameter)
            return f"exists (select from {table} {x} where {x}.target_rid = {rid} and {referring}{self.fixed})"
        if isinstance(node, Leaf):
            found = self.tests(node, types)
        elif isinstance(node, Chain):
            found = [(link(node.parameter), where) for where in self._chained(node, together=True)]
        else:
            found = [(source.table, source.where) for source in self.sources(node, types)]
        by_table: dict[str, list[str]] = {}
        for table, where in found:
            if isinstance(node, Leaf) and node.negated:
                # Most resources lack the codes: each is asked for its own few, not for each of the many.
                where = where.replace("{t}.code_hash = any(", "({t}.code_hash + 0) = any(")
            by_table.setdefault(table, []).append(where)
        tests = []
        for table, wheres in by_table.items():
            if not self.probing:
                tests.append(self._exists(table, either(wheres), rid))
            elif table in _RANGED or (isinstance(node, Chain) and table == REFERENCE):
                tests.append(self._own(table, wheres, rid))
            else:  # one by one: together they would need a bitmap of several scans
                tests += [self._exists(table, where, rid) for where in wheres]
        if isinstance(node, Leaf) and node.negated:
            return " and ".join(f"not {test}" for test in tests)
        return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"

    def _narrowed(self, source: Source, others: Sequence[Node], types: Sequence[str]) -> Source:
        tests = [self.condition(one, f"{{t}}.{source.column}", types) for one in others]
        return Source(source.table, " and ".join([source.where, *tests]), source.column)

    def _patient_has(self, node: Reverse, rid: str, types: Sequence[str]) -> str | None:
        """The condition that a patient has something with a code, which stands in `patient_value`; None for others."""
        found = self.patient_values(node.parameter, node.node)
        if tuple(types) != ("Patient",) or found is None:
            return None
        tests = []
        for one in found:
            p = self.alias()
            seen = self.seen(f"{p}.rid")
            coded = one.replace("{t}", p) + (f" and {seen}" if seen else "")
            tests.append(
                f"exists (select from patient_value {p} where {p}.patient_rid = {rid} and {coded}{self.fixed})"
            )
        return either(tests)

    def patient_values(self, reference: SearchParameter, node: Node) -> list[str] | None:
        """Conditions on `patient_value {t}`, any of which may hold, that say of one patient what the node says of all.

        None where the node asks for no code, or the reference is not the one to the patient of the type.
        """
        if not to_patient(reference):
            return None
        if not isinstance(node, Leaf) or node.negated or node.modifier or not node.values:
            return None
        if node.parameter.type != "token" or not clinical(node.parameter):
            return None
        return [f"{one.patient_value}" for one in self.probes(node)]

    def _exists(self, table: str, where: str, rid: str) -> str:
        t = self.alias()
        test = where.replace("{t}", t)
        return f"exists (select from {table} {t} where {t}.rid = {rid} and ({test}){self.fixed})"

    def _own(self, table: str, wheres: Sequence[str], rid: str) -> str:
        """That one of the conditions holds for a row of the resource, all of which are read by its rid: else the
        planner may go through a whole range, over and over, for each resource."""
        t = self.alias()
        heads = {where.partition(" and ")[0] for where in wheres}
        head = f" and {heads.pop()}" if len(heads) == 1 else ""
        if not head.startswith(" and {t}.param_id"):
            head = ""
        own = f"select * from {table} {t} where {t}.rid = {rid}{head.replace('{t}', t)}"
        return f"exists (select from ({own} offset 0) {t} where {either(wheres).replace('{t}', t)} offset 0)"

    def rid_set(self, node: Node, types: Sequence[str]) -> str:
        """The node as a subquery of rids of live resources of the types."""
        parts = []
        for source in self.sources(node, types):
            t = self.alias()
            parts.append(f"select {t}.{source.column} from {source.table} {t} where {source.where.replace('{t}', t)}")
        if not parts:
            t, every = self.alias(), self.every(types)
            tests = f"{every.where.replace('{t}', t)} and {self.condition(node, f'{t}.rid', types)}"
            parts.append(f"select {t}.rid from {every.table} {t} where {tests}")
        return " union all ".join(parts)

    def _chained(self, node: Chain, *, together: bool = False) -> list[str]:
        """Conditions on `reference {t}`, any of which may hold, one for each type of target.

        together: what is contained is tested with the others, since most references lead to nothing contained.
        """
        kinds = [target for target, _ in node.targets]
        seen = self.seen("{t}.target_rid", kinds, contained=any(kind[0] == MARK for kind in kinds))

        def head(to: Sequence[str]) -> str:
            ids = one_of("param_id", node.parameter.ids_to(to))
            return f"{ids} and {seen}" if seen else ids

        if sum(target[0] != MARK for target, _ in node.targets) > _SEPARATE:
            sets = " union all ".join(self.rid_set(below, (target,)) for target, below in node.targets)
            return [f"{head(kinds)} and {{t}}.target_rid in ({sets})"]
        plain: list[tuple[Sequence[str], str]] = []
        contained: list[str] = []
        for target, below in node.targets:
            test = self.condition(below, "{t}.target_rid", (target,))
            if not _telling(below):
                test += f" and {self.live((target,), '{t}.target_rid')}"
            if target[0] == MARK:
                contained.append(test)
            else:
                plain.append(((target,), test))
        within = [f"{{t}}.target_rid < 0 and ({either(contained)})"] if contained else []
        if together and within and plain:
            plain[-1] = kinds, f"(({plain[-1][1]}) or ({within.pop()}))"
        return [f"{head(to)} and {test}" for to, test in (*plain, *((kinds, test) for test in within))]

    def _referring(self, node: Reverse, x: str, types: Sequence[str]) -> str:
        """Condition on `reference x` that its row refers as the node says to a resource of one of the types."""
        if isinstance(node.node, Leaf) and named(node):
            i = self.alias()
            where = either([where for _, where in self.tests(node.node, (node.resource_type,))]).replace("{t}", i)
            test = f"{x}.rid = any(array(select {i}.rid from resource {i} where {where}))"
        else:
            test = self.condition(node.node, f"{x}.rid", (node.resource_type,))
        seen = self.seen(f"{x}.rid", (node.resource_type,))
        ids = one_of("param_id", node.parameter.ids_to(types)).replace("{t}", x)
        return f"{ids} and {test}" + (f" and {seen}" if seen else "")

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


def _telling(node: Node) -> bool:
    """Whether what meets the node is sure to be there and of the type: it has rows of a parameter of the type.

    What a resource lacks, and what refers to it, says nothing of either.
    """
    match node:
        case Leaf():
            return not node.negated or in_sets(node)
        case All():
            return any(map(_telling, node.nodes))
        case Some():
            return all(map(_telling, node.nodes))
        case Not() | Reverse() | Member():
            return False
        case _:
            return True
