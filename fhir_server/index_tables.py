"""How index rows enter and leave the search tables: a literal table of columns, two statements for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fhir_server.arrays import int2_array, int4_array, int8_array, int8_or_null_array, text_array
from fhir_server.search.by_date import SHORT
from fhir_server.statement import Statement

Pack = Callable[[Sequence[Any]], bytes]

# PostgreSQL type, how a column of it is packed, and how an element of the array becomes the column's type.
_INT2: tuple[str, Pack, str] = ("smallint[]", int2_array, "")
_INT4: tuple[str, Pack, str] = ("integer[]", int4_array, "")
_INT8: tuple[str, Pack, str] = ("bigint[]", int8_array, "")
_NULL8: tuple[str, Pack, str] = ("bigint[]", int8_or_null_array, "")
_TEXT: tuple[str, Pack, str] = ("text[]", text_array, "")
_NUMERIC: tuple[str, Pack, str] = ("text[]", text_array, "::numeric")

COLUMNS: dict[str, dict[str, tuple[str, Pack, str]]] = {
    "token": {
        "param_id": _INT4, "code_hash": _INT8, "system_hash": _INT4, "low": _NULL8, "high": _NULL8, "rid": _INT8,
    },
    "reference": {"param_id": _INT4, "target_rid": _INT8, "rid": _INT8},
    "reference_other": {"param_id": _INT4, "target_hash": _INT8, "rid": _INT8},
    "canonical": {"param_id": _INT4, "target_hash": _INT8, "rid": _INT8},
    "patient_value": {
        "patient_rid": _INT8, "param_id": _INT4, "value_hash": _INT8, "system_hash": _INT4, "rid": _INT8,
    },
    "patient_date": {"patient_rid": _INT8, "type_id": _INT2, "low": _INT8, "high": _INT8, "rid": _INT8},
    "date": {"param_id": _INT4, "low": _INT8, "high": _INT8, "rid": _INT8},
    "quantity": {"param_id": _INT4, "unit_hash": _INT8, "low": _NUMERIC, "high": _NUMERIC, "rid": _INT8},
    "number": {"param_id": _INT4, "low": _NUMERIC, "high": _NUMERIC, "rid": _INT8},
    "string": {"param_id": _INT4, "normalised": _TEXT, "exact_hash": _INT8, "rid": _INT8},
    "uri": {"param_id": _INT4, "uri": _TEXT, "rid": _INT8},
    "composite": {
        "param_id": _INT4, "first_hash": _INT8, "first_system": _INT4, "second_hash": _INT8, "second_system": _INT4,
        "low": _NUMERIC, "high": _NUMERIC, "low2": _NUMERIC, "high2": _NUMERIC, "rid": _INT8,
    },
}  # fmt: skip
"""Search table -> its columns in the order of a row tuple. References and patients are rids here."""

RowsByTable = Mapping[str, Iterable[tuple[Any, ...]]]


def _insert(table: str) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"${number}::{kind[0]}" for number, kind in enumerate(columns.values(), 1))
    values = ", ".join(f"u.{name}{kind[2]}" for name, kind in columns.items())
    return f"insert into {table} ({', '.join(columns)}) select {values} from unnest({arrays}) u({', '.join(columns)})"


SPANS = {"date": (SHORT, f"not ({SHORT})")}
"""Table -> conditions of its partial indexes: a delete that does not say one of them would read the whole table."""
_NULLABLE = {"composite": ("low", "high", "low2", "high2"), "token": ("low", "high")}


def _delete(table: str) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"${number}::{kind[0]}" for number, kind in enumerate(columns.values(), 1))
    same = " and ".join(
        # Equality where nothing is null lets the index be used.
        f"t.{name} is not distinct from u.{name}{kind[2]}"
        if name in _NULLABLE.get(table, ())
        else f"t.{name} = u.{name}{kind[2]}"
        for name, kind in columns.items()
    )
    start = f"delete from {table} t using unnest({arrays}) u({', '.join(columns)}) where {same}"
    if table not in SPANS:
        return start
    first, second = (f"{start} and {span.replace('{t}', 't')}" for span in SPANS[table])
    return f"with other as ({first}) {second}"


_INSERT = {table: _insert(table) for table in COLUMNS}
_DELETE = {table: _delete(table) for table in COLUMNS}


def _statements(texts: Mapping[str, str], rows: RowsByTable) -> list[Statement]:
    statements = []
    for table, found in rows.items():
        columns = list(zip(*found, strict=True))
        if columns:
            kinds = COLUMNS[table].values()
            packed = tuple(kind[1](column) for kind, column in zip(kinds, columns, strict=True))
            statements.append(Statement(texts[table], packed, binary=True))
    return statements


def insertions(rows: RowsByTable) -> list[Statement]:
    """One insert for each table that has rows."""
    return _statements(_INSERT, rows)


def deletions(rows: RowsByTable) -> list[Statement]:
    """One delete for each table that has rows; rows are named by all their columns."""
    return _statements(_DELETE, rows)
