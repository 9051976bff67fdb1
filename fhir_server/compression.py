"""Bodies as they stand in the database: zstandard with a shipped dictionary, a fifth of the size for 5 µs.

Resources are too small for PostgreSQL to compress, and alike enough for a dictionary to hold most of each. A frame
names its dictionary, so that newer dictionaries can join; one that was ever used must be kept. RFC 8878.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files

import zstandard

DICTIONARY = "body-1.dict"
_LEVEL = 3
_MAGIC = b"\x28\xb5\x2f\xfd"


class _Codec(threading.local):
    """Compressor and decompressor of one thread: they must not be shared."""

    def __init__(self) -> None:
        raw = (files("fhir_server.definitions") / "data" / DICTIONARY).read_bytes()
        dictionary = zstandard.ZstdCompressionDict(raw)
        self.compress = zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary, write_checksum=True).compress
        self.decompress = zstandard.ZstdDecompressor(dict_data=dictionary).decompress


@cache
def _own() -> _Codec:
    return _Codec()


def compress(body: bytes) -> bytes:
    """The stored form of a body."""
    return _own().compress(body)


def decompress(stored: bytes) -> bytes:
    """The body of its stored form; a body stored as plain JSON is returned as it is."""
    return _own().decompress(stored) if stored.startswith(_MAGIC) else stored
