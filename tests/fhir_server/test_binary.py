"""Binary resources to bytes."""

from __future__ import annotations

import pytest

from fhir_server.binary import content
from fhir_server.outcome import Unprocessable


@pytest.mark.parametrize(
    ("body", "raw", "content_type", "context"),
    [
        (b'{"contentType": "text/plain", "data": "aGk="}', b"hi", "text/plain", None),
        (b'{"contentType": "text/plain"}', b"", "text/plain", None),
        (b'{"data": "aGk="}', b"hi", "application/octet-stream", None),
        (b'{"contentType": "a\\r\\nSet-Cookie: x", "data": "aGk="}', b"hi", "application/octet-stream", None),
        (b'{"contentType": "a/b", "securityContext": {"reference": "Patient/1"}}', b"", "a/b", "Patient/1"),
        (b'{"contentType": "a/b", "securityContext": {"reference": "P\\n"}}', b"", "a/b", None),
    ],
)
def test_content(body: bytes, raw: bytes, content_type: str, context: str | None) -> None:
    found, found_type, headers = content(body)
    assert (found, found_type, headers.get("X-Security-Context")) == (raw, content_type, context)
    assert headers["Content-Security-Policy"] == "sandbox"


def test_data_that_is_no_base64() -> None:
    with pytest.raises(Unprocessable):
        content(b'{"data": "a"}')
