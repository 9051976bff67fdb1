"""Reads the compressed package data: whole files, or single lines of keyed ones."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson
import zstandard


def document(name: str) -> Any:
    """A file that is one JSON value."""
    return orjson.loads(zstandard.decompress((files("fhir_server.definitions") / "data" / name).read_bytes()))


@cache
def lines(name: str) -> dict[str, bytes]:
    """Key -> JSON still unparsed, of a file with one "key<tab>value" line per key."""
    raw = zstandard.decompress((files("fhir_server.definitions") / "data" / name).read_bytes())
    rows = (line.partition(b"\t") for line in raw.split(b"\n"))
    return {key.decode(): value for key, _, value in rows}
