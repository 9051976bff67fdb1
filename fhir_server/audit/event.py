"""One event of the audit trail, and the line it is stored as. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from typing import NamedTuple

import orjson


class Event(NamedTuple):
    """What one request did, or tried to do. Made for each request, so a tuple: cheaper than a dataclass."""

    at: int
    """Microseconds since 1970 UTC."""
    interaction: str
    """As in the table of routes: read, search-type, create, operation, ...; or what else happened: sign-in, ..."""
    status: int
    """HTTP status of the answer; of what is stored together with what it wrote, or read, 200."""
    type: str = ""
    """Resource type asked for; "" for the whole system."""
    subject: str = ""
    """Who is answered for; "" where nobody had said who they are."""
    client: str = ""
    grant: str = ""
    address: str = ""
    """IP address the request came from."""
    purpose: str = ""
    request_id: str = ""
    path: str = ""
    """What was asked for, below the FHIR base: may name people, so only privacy officers see it."""
    query: str = ""
    """Likewise."""
    seen: tuple[tuple[int, int] | int, ...] = ()
    """(rid, version) of each resource that was shown; a rid alone, or version 0: the one that was current then."""
    written: tuple[tuple[int, int, str], ...] = ()
    """(rid, version, method) of each version that was written."""
    patients: tuple[int, ...] = ()
    """rid of the patients concerned: at first of those whom what was written concerns, once sealed of all."""

    def touched(self) -> list[tuple[int, int]]:
        """(rid, version) of all that was shown or written."""
        seen = ((one, 0) if isinstance(one, int) else one for one in self.seen)
        return [*seen, *((rid, version) for rid, version, _ in self.written)]


def line_of(event: Event) -> bytes:
    """The event as one line of JSON: its members in order, those at the end that say nothing left out."""
    last = len(event)
    while not event[last - 1]:
        last -= 1
    return orjson.dumps(event[:last])


def event_of(line: bytes) -> Event:
    """The event of a line."""
    members = orjson.loads(line)
    for place in range(_LISTS, len(members)):
        members[place] = tuple(tuple(one) if isinstance(one, list) else one for one in members[place])
    return Event(*members)


_LISTS = Event._fields.index("seen")
