"""$status of a Subscription. https://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-status.html"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_server.bundle import Entry, searchset
from fhir_server.compression import decompress
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import NotFound
from fhir_server.parameters_allowed import only
from fhir_server.resource_types import TYPE_ID
from fhir_server.subscriptions.events import state_of
from fhir_server.subscriptions.notification import About, status
from mappings.r4 import parse, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


@dataclass(frozen=True, slots=True)
class Found:
    """A Subscription that the caller may see."""

    rid: int
    resource: dict[str, Any]
    about: About


async def subscription_status(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """200 with a searchset of one Parameters: status, events since it began, error. Raises NotFound."""
    assert id is not None  # the table of operations has it at instance level only
    only(request)
    found = await find(server, request, id)
    told = status(found.about, "query-status")
    entry = Entry("Parameters", told["id"], serialize(told), "match")
    url = f"{server.base}/Subscription/{id}/$status"
    return FhirResponse(200, searchset(server.base, [entry], {"self": url}, total=1))


async def find(server: Server, request: FhirRequest, id: str) -> Found:
    """The Subscription and what is known of it. Raises NotFound."""
    rows = await server.store.select(state_of(request.access, id, TYPE_ID["Subscription"]))
    if not rows:
        raise NotFound("there is no such resource")
    [(rid, body, counted)] = rows
    resource = parse(decompress(body))
    criteria = resource["criteria"]
    topic = criteria if ":" in criteria.partition("?")[0] else None
    about = About(server.base, id, topic, resource["status"], int.from_bytes(counted, "big"), resource.get("error"))
    return Found(int.from_bytes(rid, "big"), resource, about)
