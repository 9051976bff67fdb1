"""Parquet files of an export: columns by R4's structure, and beside them each resource whole, as JSON text.

https://parquet.apache.org/docs/ docs/decisions/parquet-export.md

The columns are for reading with, `_json` for losing nothing. Only who writes such a file
imports this: pyarrow is big.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from fhir_server.definitions import structure
from fhir_server.definitions.structures import Element, primitive_types

JSON = "_json"
GROUP_BYTES = 2**24
"""JSON of one row group: what is held in memory until it is written."""

_NUMBERS = {"boolean": pa.bool_(), "integer": pa.int32(), "positiveInt": pa.int32(), "unsignedInt": pa.int32(),
            "decimal": pa.float64()}  # fmt: skip
_LEFT_OUT = frozenset({"extension", "modifierExtension", "contained"})
"""Elements that only `_json` has, as it has narratives, ids of elements, and the extensions of simple values."""
_OPEN = 20
"""A choice of more types than that is one of any type; of those only these become columns."""
_OF_OPEN = frozenset({"CodeableConcept", "Coding", "Quantity", "Reference"})


@cache
def columns(resource_type: str) -> pa.Schema:
    """The columns of a type. A type within itself (the assigner of the identifier of a reference) is left out."""
    fields = [pa.field(JSON, pa.string(), nullable=False), *_fields(resource_type, (resource_type,))]
    return pa.schema(fields, metadata={"fhirVersion": "4.0.1", "resourceType": resource_type})


def _fields(name: str, path: tuple[str, ...]) -> Iterator[pa.Field]:
    for element in structure(name).elements.values():
        if element.name not in _LEFT_OUT and (element.name != "id" or len(path) == 1):
            for json_name, code in _choices(element):
                kind = _type(code, path)
                if kind is not None:
                    yield pa.field(json_name, kind if element.max == 1 else pa.list_(kind))


def _choices(element: Element) -> Iterator[tuple[str, str]]:
    names = element.json_names()
    for json_name, kind in names.items():
        if len(names) <= _OPEN or kind.code in _OF_OPEN or kind.code in primitive_types():
            yield json_name, kind.code


def _type(code: str, path: tuple[str, ...]) -> pa.DataType | None:
    if code.startswith("System.") or code in primitive_types():
        return _NUMBERS.get(code, pa.string())
    if code in path or code in ("Narrative", "Extension", "Resource"):
        return None
    fields = list(_fields(code, (*path, code)))
    return pa.struct(fields) if fields else None


class ParquetFile:
    """One file, written a row group at a time."""

    def __init__(self, path: Path, resource_type: str) -> None:
        pa.set_memory_pool(pa.system_memory_pool())  # gives back what it does not need; the others keep it
        self._columns = columns(resource_type)
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, self._columns, compression="zstd")
        self._lines: list[bytes] = []
        self._size = 0

    def write(self, lines: Sequence[bytes]) -> None:
        """Adds resources, each as JSON in one line."""
        for line in lines:
            self._lines.append(line)
            self._size += len(line)
            if self._size >= GROUP_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self._lines:
            self._writer.write_table(table(self._lines, self._columns), row_group_size=len(self._lines))
            self._lines, self._size = [], 0

    def close(self) -> BinaryIO:
        """Writes what is left; the file, still open, so that it can be brought to the disk."""
        self._flush()
        self._writer.close()
        return self._file


def table(lines: Sequence[bytes], schema: pa.Schema) -> pa.Table:
    """The rows of resources."""
    typed = pa.schema(list(schema)[1:])
    try:
        found = _typed(lines, typed)
    except pa.ArrowInvalid:
        # One does not fit R4's structure: it has its id and `_json`, the others have all.
        found = pa.concat_tables([_one(line, typed) for line in lines])
    return found.add_column(0, schema.field(0), pa.array(lines, pa.binary()).cast(pa.string()))


def _typed(lines: Sequence[bytes], typed: pa.Schema) -> pa.Table:
    text = b"\n".join(lines)
    return pj.read_json(
        pa.BufferReader(text),
        pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
        pj.ParseOptions(explicit_schema=typed, unexpected_field_behavior="ignore"),
    )


def _one(line: bytes, typed: pa.Schema) -> pa.Table:
    try:
        return _typed([line], typed)
    except pa.ArrowInvalid:
        return _typed([orjson.dumps({"id": orjson.loads(line).get("id")})], typed)
