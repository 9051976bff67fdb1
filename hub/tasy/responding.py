"""How hub-serve gives a Claim its queued ClaimResponse at once: as the service that authorises, in its own process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from hub.authorization import known
from hub.ledger import Ledger
from hub.own_clients import AUTHORIZATION, SCOPES
from hub.settings import Settings
from hub.tasy import guides
from mappings import r4
from mappings.tasy.site import Site
from smart_auth.scopes import UNRESTRICTED, Access, parse

Json = Any


def responding(settings: Settings, server: Server, ledger: Ledger, site: Site) -> Callable[[Json], Awaitable[str]]:
    """Claim -> reference to its ClaimResponse, made if there is none."""
    access = UNRESTRICTED
    if settings.access == "smart":
        scopes = parse(SCOPES[AUTHORIZATION][1], known).resources
        access = Access(AUTHORIZATION, False, client=AUTHORIZATION, scopes=scopes)

    async def respond(claim: Json) -> str:
        headers = {
            "if-none-exist": urlencode(guides.criteria(claim["id"])),
            "prefer": "return=representation",
        }
        resource = await guides.queued(ledger, claim, site)
        request = FhirRequest("POST", ("ClaimResponse",), [], headers, access, resource=resource, base=server.base)
        answer = await perform(server, request)
        return f"ClaimResponse/{r4.parse(answer.body or b'')['id']}"

    return respond
