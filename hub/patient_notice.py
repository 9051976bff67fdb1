"""How the authorization server tells patients something: a Communication in their record."""

from __future__ import annotations

import asyncio

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from fhir_server.notice import notice
from smart_auth.happened import REFRESH_REUSED
from smart_auth.parts import Inform
from smart_auth.scopes import UNRESTRICTED

SECONDS = 10.0


def informing(server: Server, loops: list[asyncio.AbstractEventLoop]) -> Inform:
    """For threads; loops: the event loop in which the server is at home, once it runs. Raises FhirError."""

    async def store(patient: str, text: str) -> None:
        told = notice(patient, REFRESH_REUSED, text, server.now())
        await perform(server, FhirRequest("POST", ("Communication",), [], {}, UNRESTRICTED, resource=told))

    def inform(patient: str, text: str) -> None:
        asyncio.run_coroutine_threadsafe(store(patient, text), loops[0]).result(SECONDS)

    return inform
