"""The Bundle that answers a batch or transaction. https://hl7.org/fhir/R4/http.html#transaction-response"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from fhir_server.exchange import FhirResponse
from fhir_server.version import instant


@lru_cache(maxsize=64)
def _status(code: int) -> bytes:
    try:
        return f"{code} {HTTPStatus(code).phrase}".encode()
    except ValueError:
        return str(code).encode()


@lru_cache(maxsize=1024)
def _instant(microseconds: int) -> str:
    return instant(microseconds)


def entry(response: FhirResponse, *, outcome: bool, full_url: str | None = None) -> bytes:
    """One Bundle.entry as JSON bytes.

    outcome: whether the body, if any, is an OperationOutcome about the request and not the resource asked for.
    """
    parts = [b'{"']
    resource = response.body
    if resource is not None and not outcome and response.status < 400:
        if full_url is not None:
            parts += (b'fullUrl":"', full_url.encode(), b'","')
        parts += (b'resource":', resource, b',"')
    parts += (b'response":{"status":"', _status(response.status), b'"')
    if response.location is not None:
        parts += (b',"location":"', response.location.encode(), b'"')
    if response.version_id is not None:
        parts.append(b',"etag":"W/\\"%d\\""' % response.version_id)
    if response.last_updated is not None:
        parts += (b',"lastModified":"', _instant(response.last_updated).encode(), b'"')
    if resource is not None and (outcome or response.status >= 400):
        parts += (b',"outcome":', resource)
    parts.append(b"}}")
    return b"".join(parts)


def bundle(id: str, bundle_type: str, entries: Iterable[bytes]) -> bytes:
    """The Bundle around its entries; `bundle_type` is batch-response or transaction-response."""
    listed = b",".join(entries)
    head = f'{{"resourceType":"Bundle","id":"{id}","type":"{bundle_type}"'.encode()
    return head + (b',"entry":[' + listed + b"]}" if listed else b"}")
