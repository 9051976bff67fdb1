"""Bodies as they stand in the database: zstandard with a shipped dictionary, a fifth of the size for 5 µs.

Resources are too small for PostgreSQL to compress, and alike enough for a dictionary to hold most of each. A frame
names its dictionary, so that newer dictionaries can join; one that was ever used must be kept. RFC 8878.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files

import zstandard

from fhir_server.encryption.bodies import GAP, MARK, cut, opened, sealed, whole

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
    """A body as one frame."""
    return _own().compress(body)


def stored_form(body: bytes) -> bytes:
    """The stored form of a body: one frame, identifiers that are encrypted cut out of it."""
    found = cut(body)
    return compress(body) if found is None else sealed(compress(found[0]), found[1])


def decompress(stored: bytes) -> bytes:
    """The body of its stored form; a body stored as plain JSON is returned as it is. Raises CannotOpen."""
    if stored.startswith(_MAGIC):
        return _own().decompress(stored)
    if stored[:1] == MARK:
        frame, taken = opened(stored)
        return whole(_own().decompress(frame), taken)
    return stored


def opened_rest(stored: bytes) -> bytes:
    """What of an encrypted body stands in plain text, values cut out. Raises CannotOpen."""
    return _own().decompress(opened(stored)[0])


def masked(stored: bytes) -> bytes:
    """The body with a digit instead of each value that is encrypted: for what must not know them. Raises CannotOpen."""
    if stored[:1] != MARK:
        return decompress(stored)
    return opened_rest(stored).replace(GAP, b"1")
