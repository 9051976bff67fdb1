"""Sort keys as SQL: the value a resource is sorted by, and the index that yields it in order. https://hl7.org/fhir/R4/search.html#sort

Of several values the lowest counts when ascending, the highest when descending; resources without a value come last
either way, and rid descending settles what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.definitions import structure, value_set
from fhir_server.outcome import Invalid
from fhir_server.search.by_date import SHORT
from fhir_server.search.condition import Conditions
from fhir_server.search.cursor import Position
from fhir_server.search.parameters import SearchParameter, search_parameter, tables_of
from fhir_server.search.probe import one_of
from fhir_server.search.query import SortKey
from fhir_server.search.rows import hash64

SPANS: dict[str, tuple[str, ...]] = {"date": (SHORT, f"not ({SHORT})")}
"""Table -> conditions of the partial indexes that only together hold all its rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where the values of a parameter type stand."""

    table: str
    name: str
    sql_type: str
    ordered: bool
    """An index yields the values of one parameter in order."""


COLUMNS: dict[str, Column] = {
    "date": Column("date", "low", "bigint", True),
    "number": Column("number", "low", "numeric", True),
    "quantity": Column("quantity", "low", "numeric", False),
    "string": Column("string", "normalised", "text", True),
    "uri": Column("uri", "uri", "text", True),
}
OWN: dict[str, Column] = {
    "_id": Column("resource", "fhir_id", "text", True),
    "_lastUpdated": Column("resource", "last_updated", "bigint", True),
}
"""Parameters that are columns of the resource itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key, resolved for a type."""

    parameter: SearchParameter
    descending: bool
    column: Column | None
    """None: references are sorted by the id of their target, tokens by code or by words."""

    @property
    def coded(self) -> bool:
        """A token whose codes are known beforehand."""
        return self.parameter.type == "token" and bool(self.parameter.data_types & {"code", "boolean"})

    @property
    def sql_type(self) -> str:
        """Type of its value."""
        if self.column:
            return self.column.sql_type
        return "integer" if self.coded else "text"

    @property
    def own(self) -> bool:
        """A column of the resource itself: nobody lacks it."""
        return self.parameter.column is not None

    @property
    def rows(self) -> str:
        """Condition on `{t}` of its table that a row is of this parameter."""
        return one_of("param_id", self.parameter.param_ids)


def resolved(resource_type: str, sort: SortKey) -> Key:
    """The key for a type that is known to have the parameter.

    Raises Invalid for a token that has neither a closed list of codes nor words: identifiers and the like, of which
    only hashes are stored.
    """
    parameter = search_parameter(resource_type, sort.code)
    assert parameter is not None  # query.py has seen to it
    key = Key(parameter, sort.descending, OWN.get(sort.code) or COLUMNS.get(parameter.type))
    ordered = _codes(parameter) if key.coded else parameter.data_types & _WORDED
    if key.column is None and parameter.type == "token" and not ordered:
        raise Invalid(f"_sort: {resource_type} cannot be sorted by '{sort.code}'", code="not-supported")
    return key


def value(key: Key, rid: str, conditions: Conditions) -> str:
    """SQL expression of the key's value for the resource with this rid; null if it has none."""
    pick = "max" if key.descending else "min"
    o = conditions.alias()
    if key.column is not None:
        rows = "" if key.own else f" and {key.rows.replace('{t}', o)}"
        return f"(select {pick}({o}.{key.column.name}) from {key.column.table} {o} where {o}.rid = {rid}{rows})"
    if key.parameter.type == "reference":
        return (
            f"(select {pick}(n.fhir_id) from reference {o} join resource n on n.rid = {o}.target_rid"
            f" where {o}.rid = {rid} and {key.rows.replace('{t}', o)})"
        )
    if key.coded:
        # Codes are stored as hashes; their order is that of the value set they are from.
        hashes = conditions.array([hash64(code.casefold()) for code in _codes(key.parameter)], "bigint")
        rows = f"{key.rows.replace('{t}', o)} and {o}.code_hash = any({hashes})"
        place = f"array_position({hashes}, {o}.code_hash)"
        return f"(select {pick}({place}) from token {o} where {o}.rid = {rid} and {rows})"
    rows = one_of("param_id", key.parameter.ids(":text")).replace("{t}", o)
    return f"(select {pick}({o}.normalised) from string {o} where {o}.rid = {rid} and {rows})"


_WORDED = frozenset({"CodeableConcept", "Coding"})


def _codes(parameter: SearchParameter) -> list[str]:
    """All codes a token parameter can have, in order, if its elements are bound to value sets or are booleans."""
    codes: set[str] = set()
    for leaf in parameter.leaves:
        if leaf.data_type == "boolean":
            codes.update(("false", "true"))
        for listed in (value_set(leaf.value_set) or {}).values() if leaf.value_set else ():
            codes.update(listed or ())
    return sorted(codes)


def single(parameter: SearchParameter) -> bool:
    """Whether a resource has at most one row of the parameter: one element, nowhere repeating."""
    elements: set[str] = set()
    path = ""
    for leaf in parameter.leaves:
        at = parameter.resource_type
        for move in leaf.moves:
            if move[0] != "key":
                return False
            found = next((e for e in structure(at).elements.values() if move[1] in e.json_names()), None)
            if found is None or found.max != 1:
                return False
            at = found.json_names()[move[1]].code
            path = found.path
        elements.add(path)
    return len(elements) == 1 and len(parameter.param_ids) == 1


def order(keys: Sequence[Key], rid: str = "rid", *, table: str = "", walked: bool = False) -> str:
    """ORDER BY over the columns k1, k2, ... (of `table`, with its dot) and rid.

    walked: k1 is never null; saying so would keep the planner from reading its index backward.
    """
    parts = [f"{table}k{number} {'desc' if key.descending else 'asc'} nulls last" for number, key in enumerate(keys, 1)]
    if walked:
        parts[0] = parts[0].removesuffix(" nulls last")
    return ", ".join([*parts, f"{rid} desc"])


def after(keys: Sequence[Key], columns: Sequence[str], rid: str, position: Position, conditions: Conditions) -> str:
    """Condition that a row comes after the position."""
    below = f"{rid} < {conditions.bound(position.rid, 'bigint')}"
    for key, column, shown in reversed(list(zip(keys, columns, position.keys, strict=True))):
        if shown is None:
            below = f"({column} is null and {below})"
            continue
        bound = conditions.bound(shown, key.sql_type)
        beyond = f"{column} {'<' if key.descending else '>'} {bound}"
        below = f"({beyond} or {column} is null or ({column} = {bound} and {below}))"
    return below


def missing(key: Key, rid: str) -> str:
    """Condition that the resource has no row of the key's parameter."""
    tests = [
        f"not exists (select from {table} m where m.rid = {rid} and {one_of('param_id', numbers).replace('{t}', 'm')})"
        for table, numbers in tables_of(key.parameter)
    ]
    return " and ".join(tests)
