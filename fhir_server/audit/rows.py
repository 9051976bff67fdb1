"""A row of the intake: the events of one commit, as few bytes as may be, for what is written to disk costs most of it.

Its lines are whole, or those of reads, which know what they were shown only when the row is there: rids and places say
it then. A place has the number of a line, from 1, in its upper half, and the version in its lower.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import orjson
import zstandard

from fhir_server.arrays import int8_values

_FEW = 3
"""So many lines are not worth compressing."""
_VERSION = 2**32 - 1
_MAGIC = b"\x28\xb5\x2f\xfd"


class _Codec(threading.local):
    """Compressor and decompressor of one thread: they must not be shared."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_own = _Codec()


Shown = tuple[bytes, int, int]
"""Of a read: its line, up to what it was shown, and rid and version of that."""


def packed(lines: Sequence[bytes]) -> bytes:
    """Whole lines, or others, as the column has them."""
    joined = b"\n".join(lines)
    return joined if len(lines) <= _FEW else _own.compress(joined)


def unpacked(column: bytes) -> list[bytes]:
    """The lines again."""
    return (_own.decompress(column) if column.startswith(_MAGIC) else column).split(b"\n")


def packed_reads(agents: set[tuple[str, str]], heads: Sequence[bytes]) -> bytes:
    """The column of reads. agents: subject and client of each of them."""
    return packed([orjson.dumps(list(agents)), *heads])


def unpacked_reads(column: bytes, rids: bytes, places: bytes) -> tuple[list[tuple[str, str]], Iterator[Shown]]:
    """Agents, and what was shown to whom, of a row; rids and places in binary format."""
    lines, found = unpacked(column), int8_values(places)  # before the first read stand the agents
    heads, versions = [lines[place >> 32] for place in found], [place & _VERSION for place in found]
    return orjson.loads(lines[0]), zip(heads, int8_values(rids), versions, strict=True)
