"""Partners: circuits, rates, and what expires when."""

from __future__ import annotations

from itertools import groupby

from fhir_server.exchange import FhirResponse
from hub.operations.asked import Asked, answer
from messages import partners
from messages.partners import Reported


async def listed(request: Asked) -> FhirResponse:
    """All that is known of them."""
    request.parameters()
    now = request.parts.now()

    def told(one: Reported) -> dict[str, object]:
        days = None if one.expires is None else max(0, (one.expires - now).days)
        return {
            "what": one.what, "name": one.name, "value": one.value, "reported": one.reported, "expires": one.expires,
            "days": days, "alarm": partners.alarm(one.expires, now) if one.what != "token" else None,
        }  # fmt: skip

    found = await request.rows(partners.listed)
    by_partner = groupby(found, key=lambda one: one.partner)
    return answer({"partners": [{"partner": name, "items": [told(one) for one in of]} for name, of in by_partner]})
