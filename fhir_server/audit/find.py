"""Searches of the audit trail, newest event first: through the index of batches, then event by event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fhir_server.audit.batches import backwards, batch_of
from fhir_server.audit.event import Event, event_of
from fhir_server.audit.taken import CLIENT, PATIENT, SUBJECT
from fhir_server.postgres import Row
from fhir_server.search.rows import hash64
from fhir_server.statement import Statement

BATCHES = 8
"""Read at a time."""
MOST = 400
"""Batches that one page may read; where they hold too little the page is short, and the next one goes on."""

Select = Callable[[Statement], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are wanted; None: of any."""

    patient: int | None = None
    """rid of the patient whom it must concern."""
    resources: frozenset[int] | None = None
    """rids of resources of which it must have shown or written one."""
    subject: str | None = None
    client: str | None = None
    interaction: str | None = None
    refused: bool | None = None
    low: int | None = None
    """First instant, microseconds."""
    high: int | None = None
    """First instant after."""

    def keys(self) -> list[tuple[int, int]]:
        """What batches are found by."""
        return [
            *([(PATIENT, self.patient)] if self.patient is not None else []),
            *([(SUBJECT, hash64(self.subject))] if self.subject is not None else []),
            *([(CLIENT, hash64(self.client))] if self.client is not None else []),
        ]

    def holds(self, event: Event) -> bool:
        """Whether an event is wanted."""
        return (
            (self.patient is None or self.patient in event.patients)
            and (self.subject is None or event.subject == self.subject)
            and (self.client is None or event.client == self.client)
            and (self.interaction is None or event.interaction == self.interaction)
            and (self.refused is None or (event.status >= 400) is self.refused)
            and (self.low is None or event.at >= self.low)
            and (self.high is None or event.at < self.high)
            and (self.resources is None or any(rid in self.resources for rid, _ in event.touched()))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Events with their numbers, newest first, and where the next page begins: the number of the newest event it may
    show, None at the end."""

    events: tuple[tuple[int, Event], ...]
    following: int | None


async def find(select: Select, wanted: Wanted, start: int | None, count: int) -> Page:
    """A page of events numbered `start` (None: the last) or lower."""
    found: list[tuple[int, Event]] = []
    position: int | None = await _batch_with(select, start) if start is not None else None
    if start is not None and position is None:
        return Page((), None)
    for _ in range(MOST // BATCHES):
        rows = await select(backwards(position, wanted.keys(), (wanted.low, wanted.high), BATCHES))
        for row in rows:
            batch = batch_of(row)
            pairs = [(batch.first + place, event_of(line)) for place, line in enumerate(batch.lines)]
            held = [pair for pair in pairs if (start is None or pair[0] <= start) and wanted.holds(pair[1])]
            found += reversed(held)
            if len(found) > count:
                return Page(tuple(found[:count]), found[count][0])
        if len(rows) < BATCHES:
            return Page(tuple(found), None)
        position = batch.number - 1
    return Page(tuple(found), batch.first - 1 or None)


async def _batch_with(select: Select, event: int) -> int | None:
    """Number of the batch that holds an event."""
    text = "select number from audit_batch where first <= $1::bigint order by first desc limit 1"
    rows = await select(Statement(text, (str(event).encode(),)))
    return int.from_bytes(rows[0][0], "big") if rows else None
