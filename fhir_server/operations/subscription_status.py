"""$status of Subscriptions. https://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-status.html"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_server.access.interactions import hears
from fhir_server.bundle import Entry, searchset
from fhir_server.compression import decompress
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Invalid, NotFound
from fhir_server.postgres import Row
from fhir_server.prepare import ID
from fhir_server.subscriptions.events import state_of, states_of
from fhir_server.subscriptions.notification import About, status
from mappings.r4 import parse, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MOST = 1000
"""Subscriptions in one answer."""
_STATUSES = frozenset({"requested", "active", "error", "off"})


@dataclass(frozen=True, slots=True)
class Found:
    """A Subscription that the caller may see."""

    rid: int
    resource: dict[str, Any]
    about: About


async def subscription_status(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """200 with a searchset of Parameters: status, events since it began, error. Raises NotFound, Invalid.

    On the type: of all Subscriptions, or those with one of the ids, and one of the statuses, that are asked for.
    """
    given = simple(request, ("id", "status"), repeated=("id", "status"))
    if id is not None:  # on one, the parameters are of no concern
        found = [await find(server, request, id)]
    else:
        wanted = _parts(given.get("status", ()))
        if not _STATUSES.issuperset(wanted):
            raise Invalid(f"status is one of {', '.join(sorted(_STATUSES))}", code="value")
        found = await find_all(server, request, _parts(given.get("id", ())))
        found = [one for one in found if not wanted or one.about.status in wanted]
    entries = []
    for one in found:
        told = status(one.about, "query-status")
        entries.append(Entry("Parameters", told["id"], serialize(told), "match"))
    url = "/".join((server.base, *request.path))
    return FhirResponse(200, searchset(server.base, entries, {"self": url}, total=len(entries)))


async def find(server: Server, request: FhirRequest, id: str) -> Found:
    """The Subscription and what is known of it. Raises NotFound, Forbidden."""
    hears(request.access)
    rows = await server.store.select(state_of(request.access, id))
    if not rows:
        raise NotFound("there is no such resource")
    return _found(server, rows[0])


async def find_all(server: Server, request: FhirRequest, ids: Sequence[str]) -> list[Found]:
    """Those of the Subscriptions that are there; without ids all of them. Raises Invalid, Forbidden."""
    hears(request.access)
    if not all(ID.fullmatch(id) for id in ids):
        raise Invalid("id is the id of a Subscription", code="value")
    rows = await server.store.select(states_of(request.access, ids, MOST + 1))
    if len(rows) > MOST:
        raise Invalid(f"there are more than {MOST} Subscriptions: name some by id", code="too-costly")
    return [_found(server, row) for row in rows]


def _found(server: Server, row: Row) -> Found:
    rid, id, body, counted = row
    resource = parse(decompress(body))
    criteria = resource["criteria"]
    topic = criteria if ":" in criteria.partition("?")[0] else None
    number = int.from_bytes(counted, "big")
    about = About(server.base, id.decode(), topic, resource["status"], number, resource.get("error"))
    return Found(int.from_bytes(rid, "big"), resource, about)


def _parts(values: Sequence[str]) -> list[str]:
    return [part for value in values for part in value.split(",")]
