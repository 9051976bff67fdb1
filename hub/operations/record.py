"""The record as operations read it: by a reader of their own, for operators' own policies open next to nothing.

What is read is shown masked, or to those who may see it, with an event in the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import FhirError
from mappings import r4
from smart_auth.scopes import Access, Scope

Json = Any

READER = Access("hub-operations", unrestricted=False, scopes=(Scope("system", "*", "rs"),))


async def read(server: Server, reference: str) -> bytes | None:
    """What is at a reference, versioned or not; None: nothing, or nothing that is shown."""
    request = FhirRequest("GET", tuple(reference.split("/")), [], {}, READER, base=server.base)
    try:
        return (await perform(server, request)).body
    except FhirError:
        return None


async def searched(server: Server, kind: str, query: Sequence[tuple[str, str]]) -> list[Json]:
    """What a search finds, and includes. Raises FhirError."""
    found = await perform(server, FhirRequest("GET", (kind,), list(query), {}, READER, base=server.base))
    return [one["resource"] for one in r4.parse(found.body or b"{}").get("entry", ())]
