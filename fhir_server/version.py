"""One version of a resource as it is stored, and the change that makes the next one. https://hl7.org/fhir/R4/resource.html#versions"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from mappings.r4 import Json, serialize

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Version(NamedTuple):
    """A stored version."""

    type: str
    id: str
    rid: int
    version_id: int
    """0: nobody has created it yet, something merely refers to it."""
    last_updated: int
    """Microseconds since 1970 UTC."""
    method: str
    """POST, PUT, PATCH or DELETE: how it came about."""
    body: bytes | None
    """Exactly as sent; None: deleted (or version 0)."""


class Change(NamedTuple):
    """What shall become the next version."""

    type: str
    id: str
    method: str
    resource: dict[str, Json] | None
    """Parsed JSON, without regard to its meta.versionId and meta.lastUpdated; None: delete."""
    previous: Version | None
    """The current version, also if deleted; None: the id was never used."""
    before: dict[str, Json] | None = None
    """Parsed body of `previous`, if somebody has parsed it."""


def instant(microseconds: int) -> str:
    """FHIR instant of microseconds since 1970 UTC, to the millisecond: 2026-01-31T12:00:00.123Z"""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{rest // 1000:03d}Z"


@lru_cache(maxsize=8192)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def stamped(resource: dict[str, Json], resource_type: str, id: str, version_id: int, last_updated: int) -> bytes:
    """The resource as it is stored and sent: its id, meta.versionId and meta.lastUpdated set."""
    ours = {"versionId": str(version_id), "lastUpdated": instant(last_updated)}
    # Ours twice: in front for its place, behind for its value.
    meta = {**ours, **(resource.get("meta") or {}), **ours}
    first = {"resourceType": resource_type, "id": id, "meta": meta}
    return serialize({**first, **resource, **first})
