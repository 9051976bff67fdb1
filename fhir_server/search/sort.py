"""Sort keys as SQL: the value a resource is sorted by, and the index that yields it in order. https://hl7.org/fhir/R4/search.html#sort

Of several values the lowest counts when ascending, the highest when descending; resources without a value come last
either way, and rid descending settles what is left. A key at the end of a chain is a value of what is referred to;
where that does not exist or may not be seen, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.by_date import SHORT
from fhir_server.search.by_token import SORT, WORDED, listed_codes, unworded
from fhir_server.search.condition import Conditions
from fhir_server.search.cursor import Position
from fhir_server.search.parameters import SearchParameter, single_valued
from fhir_server.search.probe import one_of
from fhir_server.search.query import SortKey
from fhir_server.search.rows import hash64
from fhir_server.search.sort_path import sort_path

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
    steps: tuple[tuple[SearchParameter, ...], ...] = ()
    """Of a chain: the reference parameters of each step to the resource that has the value."""

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
        return self.parameter.column is not None and not self.steps

    @property
    def rows(self) -> str:
        """Condition on `{t}` of its table that a row is of this parameter."""
        if self.parameter.column:
            numbers = [TYPE_ID[one.resource_type] for one in self.parameters]
            return f"{one_of('type_id', numbers)} and {{t}}.body is not null"
        return one_of("param_id", [number for one in self.parameters for number in one.ids(self.suffix)])

    def apart(self) -> list[Key]:
        """The key for each of its parameters alone."""
        return [replace(self, parameters=(one,)) for one in self.parameters]

    def within(self, types: Sequence[str]) -> Key:
        """The key for some of its types."""
        if self.steps:
            first = tuple(one for one in self.steps[0] if one.resource_type in types)
            return replace(self, steps=(first, *self.steps[1:]))
        if len(self.parameters) == 1:
            return self
        return replace(self, parameters=tuple(one for one in self.parameters if one.resource_type in types))


def resolved(types: Sequence[str], sort: SortKey) -> Key:
    """The key for types that are known to have the parameter.

    Raises Invalid where types that are searched together have it as different kinds of value.
    """
    paths = [sort_path(one, sort.code) for one in types]
    parameters = tuple(dict.fromkeys(one for path in paths for one in path.ends))
    steps = tuple(
        tuple(dict.fromkeys(one for step in each for one in step))
        for each in zip(*(p.steps for p in paths), strict=True)
    )
    kinds = {_kind(one) for one in parameters}
    if len(kinds) > 1:
        raise Invalid(f"_sort: '{sort.code}' is not the same in all types that are searched", code="not-supported")
    [(listed, column, suffix)] = kinds
    codes = tuple(sorted({code for one in parameters for code in listed_codes(one)})) if listed else ()
    return Key(parameters, sort.descending, column, suffix, codes, steps)


def _kind(parameter: SearchParameter) -> tuple[bool, Column | None, str]:
    """Where the values of a parameter stand: by listed codes?, column, and what follows its name in the param_id."""
    column = (OWN.get(parameter.code) if parameter.column else None) or COLUMNS.get(parameter.type)
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
        return f"(select {pick}({o}.{key.column.name}) {rows_of(key, key.column.table, o, rid, conditions)})"
    if key.parameter.type == "reference":
        rows = rows_of(key, f"reference {o} join resource n on n.rid = {o}.target_rid", o, rid, conditions)
        return f"(select {pick}(n.fhir_id) {rows})"
    if key.coded:
        # Codes are stored as hashes; their order is that of the value set they are from.
        hashes = conditions.array([hash64(code.casefold()) for code in key.codes], "bigint")
        place = f"array_position({hashes}, {o}.code_hash)"
        rows = rows_of(key, "token", o, rid, conditions)
        return f"(select {pick}({place}) {rows} and {o}.code_hash = any({hashes}))"
    return f"(select {pick}({o}.normalised) {rows_of(key, 'string', o, rid, conditions)})"


def rows_of(key: Key, table: str, o: str, rid: str, conditions: Conditions) -> str:
    """SQL from FROM on: the key's rows, in `table` as `o`, for the resource with this rid."""
    tables, tests = [table if " " in table else f"{table} {o}"], []
    for step in key.steps:
        x = conditions.alias()
        tables.append(f"reference {x}")
        tests += [f"{x}.rid = {rid}", _follows(step, x)]
        rid = f"{x}.target_rid"
        tests += filter(None, [conditions.seen(rid)])
    if not key.own:
        tests.append(key.rows.replace("{t}", o))
    return f"from {', '.join(tables)} where {' and '.join([f'{o}.rid = {rid}', *tests])}"


def chained(key: Key, o: str, conditions: Conditions) -> tuple[str, str, list[str]]:
    """For a walk of the key's rows `o`: what to join, the rid of the resources that refer to them, and conditions."""
    tables, rid = "", f"{o}.rid"
    tests: list[str] = []
    for step in reversed(key.steps):
        x = conditions.alias()
        tests += filter(None, [conditions.seen(rid)])
        tables += f" cross join reference {x}"
        tests += [f"{x}.target_rid = {rid}", _follows(step, x)]
        rid = f"{x}.rid"
    return tables, rid, tests


def _follows(step: Sequence[SearchParameter], x: str) -> str:
    return one_of("param_id", [number for one in step for number in one.param_ids]).replace("{t}", x)


def single(key: Key) -> bool:
    """Whether a resource has at most one row of the key."""
    columns = key.parameter.column is not None or all(map(single_valued, key.parameters))
    return columns and all(single_valued(one) for step in key.steps for one in step)


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


def missing(key: Key, rid: str, conditions: Conditions) -> str:
    """Condition that the resource has no row of the key's parameter."""
    assert key.column is not None
    m = conditions.alias()
    return f"not exists (select {rows_of(key, key.column.table, m, rid, conditions)})"
