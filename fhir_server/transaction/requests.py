"""A Bundle entry as a request of its own, and its response as an entry again. https://hl7.org/fhir/R4/http.html#transaction-response"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace

from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.formats import FHIR_JSON
from fhir_server.outcome import Invalid
from fhir_server.prefer import prefer
from fhir_server.transaction import answer
from fhir_server.transaction.entries import Entry, Turn


def entry_headers(request: FhirRequest) -> dict[str, str]:
    """Headers that every entry takes over from the request that brought the Bundle.

    Without `Prefer: return` a write answers without the resource: the client has it. Raises Invalid.
    """
    wishes = prefer(request.headers)
    said = f"return={wishes.returns or 'minimal'}, handling={'lenient' if wishes.lenient else 'strict'}"
    return {"accept": FHIR_JSON, "prefer": said}


def request_of(entry: Entry, request: FhirRequest, headers: Mapping[str, str]) -> FhirRequest:
    """The entry as the request it stands for. Raises Invalid for a Binary patch that is not base64."""
    own = {**headers, **entry.headers}
    resource, body = entry.resource, None
    if entry.method == "PATCH" and isinstance(resource, dict) and resource.get("resourceType") == "Binary":
        try:
            body = base64.b64decode("".join(str(resource.get("data", "")).split()), validate=True)
        except binascii.Error:
            raise Invalid("data is not base64", code="value", expression=("Binary.data",)) from None
        own["content-type"], resource = str(resource.get("contentType", "")), None
    return FhirRequest(
        method=entry.method,
        path=entry.path,
        query=entry.query,
        headers=own,
        access=request.access,
        body=body,
        resource=resource,
        base=request.base,
    )


def answered(entry: Entry, response: FhirResponse, base: str) -> bytes:
    """The response as a Bundle entry."""
    full_url = None
    if response.location is not None:
        full_url = f"{base}/{response.location.partition('/_history/')[0]}"
    if entry.turn is Turn.READ:
        # Only what writes has a Location; of HEAD there is nothing but headers.
        response = replace(response, location=None, body=response.body if entry.method != "HEAD" else None)
        return answer.entry(response, outcome=False, full_url=full_url)
    return answer.entry(response, outcome=_tells(response), full_url=full_url)


def _tells(response: FhirResponse) -> bool:
    """Whether the body of a write's answer is the OperationOutcome preferred, and not the resource."""
    return response.body is not None and response.body.startswith(b'{"resourceType":"OperationOutcome"')
