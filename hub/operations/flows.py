"""Flows, as operators see them."""

from __future__ import annotations

from fhir_server.exchange import FhirResponse
from hub.operations.asked import Asked, answer
from hub.operations.counts import counted


async def listed(request: Asked) -> FhirResponse:
    """Where everything is."""
    request.parameters()
    now = request.parts.now()
    return answer({"at": now, "flows": await request.rows(lambda rows: counted(rows, now, request.parts.days))})
