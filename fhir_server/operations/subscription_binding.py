"""$get-ws-binding-token: what a client binds a websocket with.

https://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.operations.subscription_status import Found, find_all
from fhir_server.outcome import Invalid, NotFound
from fhir_server.subscriptions import tokens
from fhir_server.subscriptions.definition import Unusable
from fhir_server.subscriptions.switchboard import websocket_url
from fhir_server.subscriptions.websocket import usable
from fhir_server.version import instant
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def subscription_binding(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """200 with Parameters: token, expiration, subscription, websocket-url. Raises NotFound, Invalid.

    Without ids the token is for all Subscriptions of the caller that are served by websocket.
    """
    given = simple(request, ("id",), repeated=("id",))
    wanted = [id] if id is not None else [part for value in given.get("id", ()) for part in value.split(",")]
    found = await find_all(server, request, wanted)
    if {one.about.id for one in found} < set(wanted):
        raise NotFound("there is no such Subscription")
    bound = [one for one in found if _bindable(server, one, named=bool(wanted))]
    if not bound:
        raise NotFound("there is no Subscription that is served by websocket")
    if len(bound) > tokens.MOST:
        raise Invalid(f"a token is for at most {tokens.MOST} Subscriptions: name some by id", code="too-costly")
    now, token = server.now(), tokens.new_token()
    grant = tokens.Grant(now + tokens.LIFE, request.access, tuple(one.rid for one in bound))
    async with server.store.transaction(request.access) as unit:
        await unit.run(tokens.kept(token, grant, now))
    told: list[dict[str, Any]] = [
        {"name": "token", "valueString": token},
        {"name": "expiration", "valueDateTime": instant(grant.expires)},
        *({"name": "subscription", "valueString": one.about.id} for one in bound),
        {"name": "websocket-url", "valueUrl": websocket_url(server.base)},
    ]
    return FhirResponse(200, serialize({"resourceType": "Parameters", "parameter": told}))


def _bindable(server: Server, found: Found, *, named: bool) -> bool:
    """Whether it is served by websocket. Raises Invalid for one that was named and is not."""
    try:
        usable(found.resource, found.rid, server.base)
    except Unusable as error:
        if named:
            raise Invalid(f"the Subscription is not served by websocket: {error}", code="not-supported") from None
        return False
    return True
