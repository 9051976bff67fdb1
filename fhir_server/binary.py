"""Binary content out of its resource. https://hl7.org/fhir/R4/binary.html#rest"""

from __future__ import annotations

import base64
import binascii

import orjson

from fhir_server.outcome import Unprocessable


def content(body: bytes) -> tuple[bytes, str, dict[str, str]]:
    """Bytes, Content-Type and headers of a stored Binary. Raises Unprocessable if its data is no base64."""
    binary = orjson.loads(body)
    try:
        raw = base64.b64decode(binary.get("data", ""))
    except binascii.Error:
        raise Unprocessable("the stored data is not base64; ask for application/fhir+json") from None
    # Whatever was stored must not run in the name of this server when a browser opens it.
    headers = {"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox"}
    reference = (binary.get("securityContext") or {}).get("reference")
    if reference and reference.isascii() and reference.isprintable():
        headers["X-Security-Context"] = reference
    return raw, _header_safe(binary.get("contentType")), headers


def _header_safe(content_type: object) -> str:
    if isinstance(content_type, str) and content_type.isascii() and content_type.isprintable() and content_type:
        return content_type
    return "application/octet-stream"
