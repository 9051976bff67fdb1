"""Python values packed into PostgreSQL's binary array format, a whole column at once.

Drivers adapt arrays item by item in Python, which costs more than the insert itself; one struct call per column does
not. Format: src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

_HEADER = Struct(">iiIii")
_LENGTH = Struct(">i")
_ONE_INT8 = Struct(">iq")
_NULL = _LENGTH.pack(-1)
_CHUNK = 128
_INT2, _INT4, _INT8, _TEXT, _BYTEA = 21, 23, 20, 25, 17


@lru_cache(maxsize=3 * (_CHUNK + 1))
def _items(code: str, count: int) -> Struct:
    return Struct(">" + f"i{code}" * count)


def _integers(code: str, oid: int, size: int, values: Sequence[int]) -> bytes:
    count = len(values)
    parts = [_HEADER.pack(1, 0, oid, count, 1)]
    for start in range(0, count, _CHUNK):
        chunk = values[start : start + _CHUNK]
        flat = [size] * (2 * len(chunk))
        flat[1::2] = chunk
        parts.append(_items(code, len(chunk)).pack(*flat))
    return b"".join(parts)


def int2_array(values: Sequence[int]) -> bytes:
    """smallint[]"""
    return _integers("h", _INT2, 2, values)


def int4_array(values: Sequence[int]) -> bytes:
    """integer[]"""
    return _integers("i", _INT4, 4, values)


def int8_array(values: Sequence[int]) -> bytes:
    """bigint[]"""
    return _integers("q", _INT8, 8, values)


def int8_values(array: bytes) -> tuple[int, ...]:
    """The values of a bigint[] without NULL."""
    count = (len(array) - _HEADER.size) // _ONE_INT8.size
    return _items("q", count).unpack_from(array, _HEADER.size)[1::2]


def int8_or_null_array(values: Sequence[int | None]) -> bytes:
    """bigint[], None as NULL"""
    header = _HEADER.pack(1, int(None in values), _INT8, len(values), 1)
    return header + b"".join([_NULL if value is None else _ONE_INT8.pack(8, value) for value in values])


def _bytes(oid: int, values: Sequence[bytes | None]) -> bytes:
    parts = [_HEADER.pack(1, int(None in values), oid, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(_LENGTH.pack(len(value)))
            parts.append(value)
    return b"".join(parts)


def bytea_array(values: Sequence[bytes | None]) -> bytes:
    """bytea[], None as NULL"""
    return _bytes(_BYTEA, values)


def text_array(values: Sequence[str | None]) -> bytes:
    """text[], None as NULL; also the way numeric values travel"""
    return encoded_array([None if value is None else value.encode() for value in values])


def encoded_array(values: Sequence[bytes | None]) -> bytes:
    """text[] of values that are encoded already, None as NULL"""
    return _bytes(_TEXT, values)
