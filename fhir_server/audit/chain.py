"""The hash chain of the audit trail: each event's tag covers its number, its line, and the tag before it.

So a line that is changed, left out or slipped in does not fit any more, unless everything after it is made anew; and
then the tag at the end, which operators keep elsewhere, does not fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

TAG = 16
"""Bytes of a tag, the first of a SHA-256."""
START = bytes(TAG)
"""The tag before the first event."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were sealed together."""

    number: int
    first: int
    """Number of its first event; events are numbered from 1 without gaps."""
    before: bytes
    """The tag before its first event."""
    lines: tuple[bytes, ...]
    tags: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the trail is not as it was written."""

    event: int
    """Number of the event."""
    reason: str


def tag(before: bytes, number: int, line: bytes) -> bytes:
    """The tag of an event."""
    return hashlib.sha256(before + number.to_bytes(8, "big") + line).digest()[:TAG]


def sealed(number: int, first: int, before: bytes, lines: Sequence[bytes]) -> Batch:
    """The lines, chained to what stands before them."""
    tags = []
    last, digest = before, hashlib.sha256
    for place, line in enumerate(lines, first):
        # As `tag`, of each request that was ever made.
        last = digest(last + place.to_bytes(8, "big") + line).digest()[:TAG]
        tags.append(last)
    return Batch(number, first, before, tuple(lines), tuple(tags))


def faults(batch: Batch, expected: int | None, before: bytes | None) -> list[Fault]:
    """What is wrong with a batch.

    expected: number of the event that must come first, before: the tag it follows; None of the oldest batch kept.
    """
    found = []
    if expected is not None and batch.first > expected:
        found.append(Fault(expected, f"{batch.first - expected} removed"))
    elif expected is not None and batch.first < expected:
        found.append(Fault(batch.first, f"{expected - batch.first} inserted before it"))
    elif before is not None and batch.before != before:
        found.append(Fault(batch.first, "does not follow what stands before it"))
    if len(batch.tags) != len(batch.lines):
        found.append(Fault(batch.first, f"{len(batch.lines)} events have {len(batch.tags)} tags"))
    last = batch.before
    for place, (line, stored) in enumerate(zip(batch.lines, batch.tags, strict=False)):
        if tag(last, batch.first + place, line) != stored:
            found.append(Fault(batch.first + place, "changed, or one before it removed or inserted"))
        last = stored
    return found
