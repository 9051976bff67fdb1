"""How the authorization server asks the record: a search as the person it is for, behind the same wall as any other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Forbidden
from smart_auth.patient_choice import Search
from smart_auth.scopes import Access

SECONDS = 10.0


def searching(server: Server, loops: list[asyncio.AbstractEventLoop]) -> Search:
    """For threads; loops: the event loop in which the server is at home, once it runs."""

    async def search(access: Access, kind: str, parameters: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        request = FhirRequest("GET", (kind,), list(parameters), {}, access, base=server.base)
        try:
            answer = await perform(server, request)
        except Forbidden:
            return []  # not theirs to search
        entries = json.loads(answer.body or b"{}").get("entry", ())
        return [one["resource"] for one in entries if one.get("search", {}).get("mode") == "match"]

    def ask(access: Access, kind: str, parameters: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        asked = asyncio.run_coroutine_threadsafe(search(access, kind, parameters), loops[0])
        return asked.result(SECONDS)

    return ask
