"""What a request has seen and written so far: kept beside it, so that whoever answers need not hand it on."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from fhir_server.audit.event import Event


@dataclass(slots=True)
class Trail:
    """Of one request."""

    event: Event
    """What is known of it from the start."""
    seen: list[tuple[int, int]] = field(default_factory=list)
    """(rid, version) of what its answer shows."""
    owner: tuple[str, ...] = ()
    """What may be revoked to end the right by which it is done."""
    stored: bool = False
    """Whether an event of it was stored with what it wrote."""

    def wrote(self, written: Iterable[tuple[int, int, str]], patients: Iterable[int]) -> Event:
        """The event to be stored in the transaction that writes these versions."""
        self.stored = True
        return self.event._replace(written=tuple(written), patients=tuple(patients))

    def ended(self, status: int) -> Event | None:
        """The event of the answer; None where all there is to tell was stored with what was written."""
        if self.stored and status < 400 and not self.seen:
            return None
        return self.event._replace(status=status, seen=tuple(self.seen))


TRAIL: ContextVar[Trail | None] = ContextVar("trail", default=None)
"""Of the request under way; None where nothing is audited, and in work of the hub itself."""


def saw(versions: Iterable[tuple[int, int]]) -> None:
    """Notes (rid, version) of what the answer shows."""
    trail = TRAIL.get()
    if trail is not None:
        trail.seen.extend(versions)


def flag(purpose: str) -> None:
    """Notes what the request is for, where it is out of the ordinary."""
    trail = TRAIL.get()
    if trail is not None:
        trail.event = trail.event._replace(purpose=purpose)
