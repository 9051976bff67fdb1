"""FHIR batch and transaction interactions. https://hl7.org/fhir/R4/http.html#transaction"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fhir_server.body import json_of
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.logical_ids import new_id
from fhir_server.outcome import Invalid, TooLarge
from fhir_server.parameters_allowed import only
from fhir_server.transaction import answer
from fhir_server.transaction.batch import batch
from fhir_server.transaction.carry_out import carry_out
from fhir_server.transaction.requests import entry_headers
from mappings.r4 import Json

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

LARGE = 256 * 1024
"""Bytes of a Bundle from which on it is parsed beside the event loop."""

_PERFORM = {"batch": batch, "transaction": carry_out}


async def transaction(server: Server, request: FhirRequest) -> FhirResponse:
    """200 with a Bundle of one entry for each entry sent, in their order.

    A batch always answers so; of a transaction all is done, or nothing and the reasons are raised: every entry's, named
    `Bundle.entry[3].resource.subject`. Raises FhirError.
    """
    only(request)
    headers = entry_headers(request)
    bundle_type, entries = _opened(await _json(request), server.settings.max_entries)
    answers = await _PERFORM[bundle_type](server, request, entries, headers)
    return FhirResponse(200, answer.bundle(new_id(), f"{bundle_type}-response", answers))


async def _json(request: FhirRequest) -> Json:
    """The Bundle's JSON. Raises Invalid, UnsupportedMediaType."""
    if request.body is None or len(request.body) < LARGE:
        return json_of(request)
    # Takes up to a second; the threads change every few milliseconds, so that others are served meanwhile.
    return await asyncio.to_thread(json_of, request)


def _opened(bundle: Json, max_entries: int) -> tuple[str, list[Json]]:
    """Type and entries of the Bundle. Raises Invalid, TooLarge."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Invalid("what is posted to the base is a Bundle", code="structure")
    bundle_type, entries = bundle.get("type"), bundle.get("entry", [])
    if not isinstance(bundle_type, str) or bundle_type not in _PERFORM:
        raise Invalid("Bundle.type must be batch or transaction", code="value", expression=("Bundle.type",))
    if not isinstance(entries, list):
        raise Invalid("Bundle.entry must be an array", code="structure", expression=("Bundle.entry",))
    if len(entries) > max_entries:
        raise TooLarge(f"a Bundle may have at most {max_entries} entries", expression=("Bundle.entry",))
    return bundle_type, entries
