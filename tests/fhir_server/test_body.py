"""Bodies to resources."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fhir_server.body import MAX_DEPTH, depth, media_type, parsed, require_json, resource_of
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid, UnsupportedMediaType
from smart_auth.scopes import UNRESTRICTED

FHIR = "application/fhir+json"


def sent(body: bytes | None, content_type: str | None = FHIR, method: str = "POST", **more: Any) -> FhirRequest:
    headers = {} if content_type is None else {"content-type": content_type}
    path = ("Binary", "7") if method == "PUT" else ("Binary",)
    return FhirRequest(method, path, [], headers | more.pop("headers", {}), UNRESTRICTED, body=body, **more)


@pytest.mark.parametrize(
    "content_type",
    [FHIR, "application/json", "text/json", f"{FHIR};charset=UTF-8", f'{FHIR}; fhirVersion="4.0"', "Application/JSON"],
)
def test_json_is_read(content_type: str) -> None:
    assert resource_of(sent(b'{"a": 1}', content_type), "Patient") == {"a": 1}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/fhir+xml", f"{FHIR}; charset=latin-1", f"{FHIR}; fhirVersion=3.0"],
)
def test_anything_else_is_not(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        require_json(content_type)


def test_media_type() -> None:
    assert media_type('Text/X ; Charset="UTF-8"; b') == ("text/x", {"charset": "utf-8", "b": ""})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b'{\n "a": }', "line 2, column 7"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b'{"a": "\xff"}', "not valid UTF-8 (line 1, column 8)"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "deep"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("(", r"\(").replace(")", r"\)")):
        parsed(raw)


@pytest.mark.parametrize(
    ("value", "levels"), [(1, 0), ({}, 1), ([], 1), ([[]], 2), ({"a": [{"b": 1}, 2]}, 3), ([1] * 100, 1)]
)
def test_depth(value: Any, levels: int) -> None:
    assert depth(value) == levels


def test_as_deep_as_allowed_and_broad_besides() -> None:
    raw = b"[" * MAX_DEPTH + b",".join([b"1"] * 10) + b"]" * MAX_DEPTH
    assert depth(parsed(raw)) == MAX_DEPTH
    assert len(parsed(b"[" + b",".join([b"{}"] * 500) + b"]")) == 500


def test_the_resource_of_a_bundle_entry_needs_no_media_type() -> None:
    resource = {"resourceType": "Patient"}
    assert resource_of(sent(None, None, resource=resource), "Patient") is resource
    with pytest.raises(Invalid):
        resource_of(sent(None, None), "Patient")


def test_raw_bytes_become_a_binary() -> None:
    request = sent(b"\x00\xff", "image/png", headers={"x-security-context": "Patient/1"})
    assert resource_of(request, "Binary") == {
        "resourceType": "Binary",
        "contentType": "image/png",
        "securityContext": {"reference": "Patient/1"},
        "data": base64.b64encode(b"\x00\xff").decode(),
    }


def test_raw_bytes_put_take_the_id_of_the_url() -> None:
    assert resource_of(sent(b"a", "text/plain", "PUT"), "Binary")["id"] == "7"


@pytest.mark.parametrize(
    ("raw", "content_type", "raw_form"),
    [
        (b'{"resourceType": "Binary", "contentType": "text/plain"}', FHIR, False),
        (b'{"resourceType": "Binary", "contentType": "text/plain"}', "application/json", False),
        (b'{"resourceType": "Patient"}', FHIR, True),
        (b'{"a": 1}', "application/json", True),
        (b"{broken", "application/json", True),
    ],
)
def test_a_binary_in_resource_form_is_itself(raw: bytes, content_type: str, raw_form: bool) -> None:
    resource = resource_of(sent(raw, content_type), "Binary")
    assert resource["resourceType"] == "Binary"
    assert resource["contentType"] == (content_type if raw_form else "text/plain")
    assert ("data" in resource) is raw_form


def test_a_broken_fhir_body_to_binary_is_an_error() -> None:
    with pytest.raises(Invalid):
        resource_of(sent(b"{broken"), "Binary")
    with pytest.raises(UnsupportedMediaType):
        resource_of(sent(b"x", None), "Binary")
