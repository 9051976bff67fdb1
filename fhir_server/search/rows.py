"""Index rows of one resource, table by table, and the stable hashes they carry. Columns as in `schema.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

Bound = str
"""A numeric as text for PostgreSQL, such as '5.35' or '-Infinity'."""

BEGIN, END = -(2**63), 2**63 - 1
"""Instants before and after all others, for periods without start or end."""


@lru_cache(maxsize=65536)
def hash64(text: str) -> int:
    """Signed 64-bit hash of a code, identifier value or URL; the same in every process and release."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=4096)
def hash32(text: str) -> int:
    """Signed 32-bit hash of a system or search parameter name; the empty text (no system) is 0."""
    if not text:
        return 0
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big", signed=True)


ITSELF = -1
"""The place of a container among those of its contained resources."""


@dataclass(slots=True)
class Rows:
    """All index rows of one resource version, without its rid. Every list is free of duplicates."""

    contained: list[tuple[int, Rows]] = field(default_factory=list)
    """Place and rows of each contained resource. See contained.py."""
    links: list[tuple[int, int, int]] = field(default_factory=list)
    """Place of who refers, param_id, place of what is referred to: references within the container."""

    token: list[tuple[int, int, int, int | None, int | None]] = field(default_factory=list)
    """param_id, code_hash, system_hash (0: no system); of a resource's code also low and high of its clinical date."""
    reference: list[tuple[int, str, str]] = field(default_factory=list)
    """param_id, target type, target id: references to resources of this server."""
    reference_other: list[tuple[int, int]] = field(default_factory=list)
    """param_id, target_hash: absolute and canonical references."""
    canonical: list[tuple[int, int]] = field(default_factory=list)
    """param_id, target_hash: canonical references as they stand, and the resource's own names (see links.py)."""
    patient_value: list[tuple[str, int, int, int]] = field(default_factory=list)
    """patient id, param_id, value_hash, system_hash: a token row once more for each patient it concerns."""
    patient_date: list[tuple[str, int, int]] = field(default_factory=list)
    """patient id, low, high: the type's clinical date (see `timeline.py`)."""
    date: list[tuple[int, int, int]] = field(default_factory=list)
    """param_id, low, high: microseconds since 1970 UTC, low inclusive, high exclusive; open ends are BEGIN and END."""
    quantity: list[tuple[int, int, Bound, Bound]] = field(default_factory=list)
    """param_id, unit_hash, low, high: precision band of the digits given."""
    number: list[tuple[int, Bound, Bound]] = field(default_factory=list)
    """param_id, low, high."""
    string: list[tuple[int, str, int]] = field(default_factory=list)
    """param_id, normalised text, hash64 of the original."""
    uri: list[tuple[int, str]] = field(default_factory=list)
    """param_id, uri."""
    composite: list[tuple[int, int, int, int, int, Bound | None, Bound | None, Bound | None, Bound | None]] = field(
        default_factory=list
    )
    """param_id, first_hash, first_system, second_hash, second_system, low, high, low2, high2."""
