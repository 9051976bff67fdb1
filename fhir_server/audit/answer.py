"""What was found in the audit trail, as a searchset of AuditEvents. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from struct import Struct
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fhir_server.access.policies import in_force
from fhir_server.arrays import int8_array
from fhir_server.audit.event import Event
from fhir_server.audit.find import Wanted, find
from fhir_server.audit.resource import Names, audit_event
from fhir_server.audit.told import kinds_of, told
from fhir_server.bundle import Entry, searchset
from fhir_server.exchange import FhirResponse
from fhir_server.operations.inputs import Given, instants, whole
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.statement import Statement
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

_MOST = 1000
_INT8, _INT2 = Struct(">q"), Struct(">h")
_NAMES = "select rid, type_id, fhir_id from resource where rid = any($1::bigint[])"

PAGING = ("start", "end", "_count", "from")
"""Parameters that all ways into the trail share: first and last date, size of a page, number of its newest event."""


async def answer(server: Server, given: Given, wanted: Wanted, path: str, *, own: bool = False) -> FhirResponse:
    """A page of the events wanted within start and end, newest first. Raises Invalid.

    path: of the operation, for the links. own: of each event only that and by whom the patient's record was used.
    """
    start, end = instants(given, "start"), instants(given, "end")
    wanted = replace(wanted, low=start[0] if start else None, high=end[1] if end else None)
    newest = whole(given, "from", 1, 2**62) if "from" in given else None
    page = await find(server.store.select, wanted, newest, whole(given, "_count", 50, _MOST))
    names = await _names(server, [event for _, event in page.events])
    events = [event for _, event in page.events]
    known = (
        await server.agents(_each(one.subject for one in events), _each(one.client for one in events)) if own else None
    )

    def resource(number: int, event: Event) -> dict[str, Any]:
        if known is None:
            return audit_event(number, event, names)
        plain = audit_event(number, _own(event, wanted.patient), names)
        return told(plain, event, known, kinds_of(event, names), in_force())

    entries = [Entry("AuditEvent", str(one), serialize(resource(one, event)), "match") for one, event in page.events]
    used = [(name, value) for name, values in given.items() for value in values if name != "from"]
    links = {"self": _link(server, path, used)}
    if page.following is not None:
        links["next"] = _link(server, path, [*used, ("from", str(page.following))])
    return FhirResponse(200, searchset(server.base, entries, links))


def _own(event: Event, patient: int | None) -> Event:
    """Others' records may have been shown with it, and the query may name them."""
    patients = () if patient is None else (patient,)
    return event._replace(address="", request_id="", path="", query="", seen=(), written=(), patients=patients)


def _each(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text})


def _link(server: Server, path: str, used: Sequence[tuple[str, str]]) -> str:
    query = urlencode(used, quote_via=quote, safe="/,:|")
    return f"{server.base}/{path}{'?' + query if query else ''}"


async def _names(server: Server, events: Sequence[Event]) -> Names:
    rids = sorted({rid for event in events for rid in (*(rid for rid, _ in event.touched()), *event.patients)})
    if not rids:
        return {}
    rows = await server.store.select(Statement(_NAMES, (int8_array(rids),), binary=True, generic=True))
    return {
        _INT8.unpack(rid)[0]: (RESOURCE_TYPES[_INT2.unpack(type_id)[0] - 1], id.decode()) for rid, type_id, id in rows
    }
