"""What a request has seen and written so far: kept beside it, so that whoever answers need not hand it on."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

import orjson

from fhir_server.audit.event import Event
from smart_auth.scopes import Access


@dataclass(slots=True)
class Trail:
    """Of one request: what is known from the start, and what it has seen. An event is made of it when one is stored."""

    at: int
    """As the members of Event."""
    interaction: str
    type: str
    access: Access
    """Whose request it is."""
    address: str
    request_id: str
    path: tuple[str, ...]
    query: str
    purpose: str = ""
    seen: list[tuple[int, int] | int] = field(default_factory=list)
    """(rid, version) of what its answer shows, or the rid alone of what is current."""
    stored: bool = False
    """Whether an event of it was stored with what it wrote, or read."""

    def wrote(self, written: Iterable[tuple[int, int, str]], patients: Iterable[int]) -> Event:
        """The event to be stored in the transaction that writes these versions."""
        self.stored = True
        return self._event(200, (), tuple(written), tuple(patients))

    def head(self) -> bytes:
        """The line, up to what is shown, of the event to be stored by the statement that reads it. `,[[rid,version]]]`
        completes it, or with the patient whom it concerns `,[[rid,version]],[],[patient]]`."""
        access = self.access
        line = orjson.dumps(  # as `_event` and `line_of`, which take twice as long
            (self.at, self.interaction, 200, self.type, access.subject, access.client, access.grant, self.address,
             self.purpose, self.request_id, "/".join(self.path), self.query)
        )  # fmt: skip
        return line[:-1]

    def showed(self, seen: Iterable[int]) -> Event:
        """The event to be stored before what is current of these is shown."""
        return self._event(200, tuple(seen))

    def ended(self, status: int) -> Event | None:
        """The event of the answer; None where all there is to tell was stored with what was written, or read."""
        if self.stored and status < 400 and not self.seen:
            return None
        return self._event(status, tuple(self.seen))

    def _event(
        self,
        status: int,
        seen: tuple[tuple[int, int] | int, ...] = (),
        written: tuple[tuple[int, int, str], ...] = (),
        patients: tuple[int, ...] = (),
    ) -> Event:
        access = self.access
        return Event(
            self.at, self.interaction, status, self.type, access.subject, access.client, access.grant, self.address,
            self.purpose, self.request_id, "/".join(self.path), self.query, seen, written, patients,
        )  # fmt: skip


TRAIL: ContextVar[Trail | None] = ContextVar("trail", default=None)
"""Of the request under way; None where nothing is audited, in work of the hub itself, and where it is `AT_HAND`."""
AT_HAND = frozenset({"read", "vread", "search-type"})
"""Interactions that have it with their request alone: a context variable would cost them twice what the trail does."""


def saw(versions: Iterable[tuple[int, int] | int], trail: Trail | None = None) -> None:
    """Notes (rid, version) of what the answer shows, or the rid alone of what is current. trail: the request's, where
    it is at hand."""
    trail = trail or TRAIL.get()
    if trail is not None:
        trail.seen.extend(versions)


def flag(purpose: str, trail: Trail | None = None) -> None:
    """Notes what the request is for, where it is out of the ordinary. trail: as `saw` takes it."""
    trail = trail or TRAIL.get()
    if trail is not None:
        trail.purpose = purpose
