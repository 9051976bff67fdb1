"""Sort keys as SQL: the value a resource is sorted by, and the index that yields it in order. https://hl7.org/fhir/R4/search.html#sort

Of several values the lowest counts when ascending, the highest when descending; resources without a value come last
either way, and rid descending settles what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.definitions import structure
from fhir_server.outcome import Invalid
from fhir_server.search.by_date import SHORT
from fhir_server.search.by_token import SORT, WORDED, listed_codes, unworded
from fhir_server.search.condition import Conditions
from fhir_server.search.cursor import Position
from fhir_server.search.parameters import SearchParameter, search_parameter
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
    """One sort key, resolved for one or more types."""

    parameters: tuple[SearchParameter, ...]
    """The parameter of each type; a resource has rows of its own type's only."""
    descending: bool
    column: Column | None
    """None: references are sorted by the id of their target, tokens by code or by words."""
    suffix: str = ""
    """What follows the parameters' names in the param_id of the rows."""
    codes: tuple[str, ...] = ()
    """Of a token whose codes are known beforehand: all of them, in order."""

    @property
    def parameter(self) -> SearchParameter:
        """The parameter, that of the first type where there are several."""
        return self.parameters[0]

    @property
    def coded(self) -> bool:
        """A token whose codes are known beforehand."""
        return bool(self.codes)

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
        return one_of("param_id", [number for one in self.parameters for number in one.ids(self.suffix)])

    def within(self, types: Sequence[str]) -> Key:
        """The key for some of its types."""
        if len(self.parameters) == 1:
            return self
        return replace(self, parameters=tuple(one for one in self.parameters if one.resource_type in types))


def resolved(types: Sequence[str], sort: SortKey) -> Key:
    """The key for types that are known to have the parameter.

    Raises Invalid where types that are searched together have it as different kinds of value.
    """
    found = [search_parameter(one, sort.code) for one in types]
    parameters = tuple(one for one in found if one is not None)  # query.py has seen to it that all have it
    kinds = {_kind(one) for one in parameters}
    if len(kinds) > 1:
        raise Invalid(f"_sort: '{sort.code}' is not the same in all types that are searched", code="not-supported")
    [(listed, column, suffix)] = kinds
    codes = tuple(sorted({code for one in parameters for code in listed_codes(one)})) if listed else ()
    return Key(parameters, sort.descending, column, suffix, codes)


def _kind(parameter: SearchParameter) -> tuple[bool, Column | None, str]:
    """Where the values of a parameter stand: by listed codes?, column, and what follows its name in the param_id."""
    column = OWN.get(parameter.code) or COLUMNS.get(parameter.type)
    if column or parameter.type != "token":
        return False, column, ""
    if unworded(parameter):
        return False, COLUMNS["string"], SORT
    return (False, None, ":text") if parameter.data_types & WORDED else (True, None, "")


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
        hashes = conditions.array([hash64(code.casefold()) for code in key.codes], "bigint")
        rows = f"{key.rows.replace('{t}', o)} and {o}.code_hash = any({hashes})"
        place = f"array_position({hashes}, {o}.code_hash)"
        return f"(select {pick}({place}) from token {o} where {o}.rid = {rid} and {rows})"
    rows = key.rows.replace("{t}", o)
    return f"(select {pick}({o}.normalised) from string {o} where {o}.rid = {rid} and {rows})"


def single(key: Key) -> bool:
    """Whether a resource has at most one row of the key."""
    return key.own or all(map(single_valued, key.parameters))


def single_valued(parameter: SearchParameter) -> bool:
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


def in_order(
    rids: str,
    keys: Sequence[Key],
    conditions: Conditions,
    limit: str,
    position: Position | None,
    tests: Sequence[str] = (),
) -> str:
    """SQL of a page of the rids that pass the tests (on "{rid}"): keys are computed for all of them and sorted."""
    values = ", ".join(f"{value(key, 'c.rid', conditions)} as k{number}" for number, key in enumerate(keys, 1))
    where = f" where {' and '.join(tests).replace('{rid}', 'c.rid')}" if tests else ""
    rows = f"select c.rid, {values} from ({rids}) c{where}"
    names = [f"k{number}" for number in range(1, len(keys) + 1)]
    start = f" where {after(keys, names, 'rid', position, conditions)}" if position else ""
    return f"select * from ({rows}) z{start} order by {order(keys)} limit {limit}"


def missing(key: Key, rid: str) -> str:
    """Condition that the resource has no row of the key's parameter."""
    assert key.column is not None
    return f"not exists (select from {key.column.table} m where m.rid = {rid} and {key.rows.replace('{t}', 'm')})"
