"""What registrations may say: tables of cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.authorization import known
from smart_auth.client_metadata import Refused, read, redirect_fault
from smart_auth.registration import PATIENT_APP
from smart_auth.scopes import parse
from tests.attacks.caller import EC, RSA, jwks

ALLOWED = parse(PATIENT_APP, known)
APP: dict[str, Any] = {
    "client_name": "An app", "redirect_uris": ["https://app.example.org/after"],
    "token_endpoint_auth_method": "none", "scope": "launch/patient openid patient/*.rs",
}  # fmt: skip
SIGNING = {"token_endpoint_auth_method": "private_key_jwt"}
SERVICE = SIGNING | {"grant_types": ["client_credentials"], "redirect_uris": [], "jwks": json.loads(jwks(EC))}


@pytest.mark.parametrize(
    ("uri", "web", "native"),
    [
        ("https://app.example.org/after", True, True),
        ("https://app.example.org:8443/after?x=1&y=%20", True, True),
        ("https://[2001:db8::1]/after", True, True),
        ("http://127.0.0.1:7000/after", False, True),
        ("http://[::1]/after", False, True),
        ("http://127.0.0.1/after", False, True),
        ("org.example.app:/after", False, True),
        ("http://localhost:7000/after", False, False),
        ("http://app.example.org/after", False, False),
        ("http://127.0.0.1.example.org/", False, False),
        ("http://127.0.0.1@example.org/", False, False),
        ("app:/after", False, False),
        ("javascript:alert(1)", False, False),
        ("java.script:alert", False, True),
        ("data:text/html,x", False, False),
        ("file:///etc/passwd", False, False),
        ("org.example.app://host/after", False, False),
        ("https://*.example.org/after", False, False),
        ("https://app.example.org/*", False, False),
        ("https://app.example.org/after#x", False, False),
        ("https://user@app.example.org/after", False, False),
        ("https://user:word@app.example.org/after", False, False),
        ("https:///after", False, False),
        ("https:app.example.org", False, False),
        ("https://app.example.org/a/../b", False, False),
        ("https://app.example.org/a/%2e%2E/b", False, False),
        ("https://app.example.org/a%2f..%2fb", False, False),
        ("https://app.example.org/a b", False, False),
        ("https://app.example.org/a\\b", False, False),
        ("https://app.example.org/\r\nX: 1", False, False),
        ("https://äpp.example.org/", False, False),
        ("https://app.example.org:99999/", False, False),
        ("https://[::1/", False, False),
        ("//app.example.org/", False, False),
        ("/after", False, False),
        ("", False, False),
        ("https://app.example.org/" + "x" * 2000, False, False),
    ],
)
def test_redirect_uris(uri: str, web: bool, native: bool) -> None:
    assert (redirect_fault(uri, native=False) is None, redirect_fault(uri, native=True) is None) == (web, native)


@given(st.text(max_size=60))
def test_whatever_is_sent_is_judged(text: str) -> None:
    for native in (False, True):
        if redirect_fault(text, native=native) is None:
            assert text.isascii()
            assert not set(text) & set("*#<>\"'\\ ")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"auth_method": "none", "grant_types": ("authorization_code",), "name": "An app"}),
        ({"token_endpoint_auth_method": "client_secret_post"}, {"auth_method": "client_secret_post"}),
        ({"grant_types": ["refresh_token", "authorization_code"]},
         {"grant_types": ("authorization_code", "refresh_token")}),
        (SIGNING | {"jwks": json.loads(jwks(RSA))}, {"jwks_uri": None}),
        (SIGNING | {"jwks_uri": "https://a.org/jwks"}, {"jwks_uri": "https://a.org/jwks", "jwks": None}),
        ({"unknown_member": {"x": 1}}, {"about": {}}),
        ({"logo_uri": "https://app.example.org/logo", "contacts": ["x@example.org"], "software_id": "s"},
         {"about": {"software_id": "s", "logo_uri": "https://app.example.org/logo", "contacts": ["x@example.org"]}}),
        ({"application_type": "native", "redirect_uris": ["org.example:/a", "http://127.0.0.1:1/"]},
         {"redirect_uris": ("org.example:/a", "http://127.0.0.1:1/")}),
    ],
)  # fmt: skip
def test_accepted(changed: dict[str, Any], expected: dict[str, Any]) -> None:
    found = read(APP | changed, ALLOWED, known)
    assert {name: getattr(found, name) for name in expected} == expected
    assert read(found.members(), ALLOWED, known) == found, "what is told can be sent back"


@pytest.mark.parametrize(
    ("changed", "error", "member"),
    [
        ({"client_name": None}, "invalid_client_metadata", "client_name"),
        ({"client_name": "x" * 201}, "invalid_client_metadata", "client_name"),
        ({"client_name": "a\nb"}, "invalid_client_metadata", "client_name"),
        ({"redirect_uris": []}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": "https://app.example.org"}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["https://app.example.org/"] * 11}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["https://a.example.org/", "http://x.org/"]}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["http://127.0.0.1/"]}, "invalid_redirect_uri", "redirect_uris"),
        ({"application_type": "other"}, "invalid_client_metadata", "application_type"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata", "token_endpoint_auth_method"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["authorization_code", "password"]}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["refresh_token"]}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["client_credentials"], "redirect_uris": []}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["client_credentials", "authorization_code"]}, "invalid_client_metadata", "grant_types"),
        ({"response_types": ["token"]}, "invalid_client_metadata", "response_types"),
        ({"scope": "system/*.cruds"}, "invalid_client_metadata", "scope"),
        ({"scope": "patient/*.cruds"}, "invalid_client_metadata", "scope"),
        ({"scope": "user/*.rs"}, "invalid_client_metadata", "scope"),
        ({"scope": "patient/*.rs nonsense"}, "invalid_client_metadata", "scope"),
        ({"scope": ""}, "invalid_client_metadata", "scope"),
        ({"scope": 5}, "invalid_client_metadata", "scope"),
        (SIGNING, "invalid_client_metadata", "jwks"),
        (SIGNING | {"jwks": json.loads(jwks(EC)), "jwks_uri": "https://a.org/"}, "invalid_client_metadata", "jwks"),
        ({"jwks": json.loads(jwks(EC))}, "invalid_client_metadata", "jwks"),
        ({"jwks_uri": "https://app.example.org/jwks"}, "invalid_client_metadata", "jwks"),
        (SIGNING | {"jwks": {"keys": [EC.as_dict(private=True)]}}, "invalid_client_metadata", "jwks"),
        (SIGNING | {"jwks": "https://app.example.org"}, "invalid_client_metadata", "jwks"),
        ({"software_statement": "e30.e30."}, "unapproved_software_statement", "software_statement"),
        ({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata", "logo_uri"),
        ({"client_uri": "http://app.example.org"}, "invalid_client_metadata", "client_uri"),
        ({"contacts": "x"}, "invalid_client_metadata", "contacts"),
        ({"contacts": [""]}, "invalid_client_metadata", "contacts"),
    ],
)  # fmt: skip
def test_refused(changed: dict[str, Any], error: str, member: str) -> None:
    with pytest.raises(Refused) as refused:
        read(APP | changed, ALLOWED, known)
    assert refused.value.error == error
    assert member in refused.value.reason


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.org/jwks", "https://127.0.0.1/", "https://169.254.169.254/", "https://10.1.2.3/",
        "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://localhost/",
        "https://x.localhost/", "https://printer/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
        "https://u@app.example.org/", "https://app.example.org@127.0.0.1/", "file:///etc/passwd", "https://x.local/", 5,
    ],
)  # fmt: skip
def test_keys_inside(uri: object) -> None:
    with pytest.raises(Refused, match="jwks_uri"):
        read(APP | SIGNING | {"jwks_uri": uri}, ALLOWED, known)


def test_a_service_within_what_it_was_invited_for() -> None:
    allowed = parse("system/*.rs", known)
    found = read(APP | SERVICE | {"scope": "system/Observation.rs"}, allowed, known)
    assert (str(found.scope), found.plain) == ("system/Observation.rs", False)
    for scope in ("system/Observation.cruds", "system/Observation.rs openid", "patient/Observation.rs"):
        with pytest.raises(Refused, match="scope"):
            read(APP | SERVICE | {"scope": scope}, allowed, known)


@pytest.mark.parametrize(
    ("scope", "plain"),
    [
        ("patient/*.rs", True),
        ("launch/patient openid fhirUser online_access patient/Observation.r", True),
        ("patient/*.rs offline_access", False),
        ("patient/*.rs patient/Observation.c", False),
        ("patient/*.rs user/Practitioner.r", False),
    ],
)
def test_plain(scope: str, plain: bool) -> None:
    allowed = parse(f"{PATIENT_APP} patient/*.cruds user/*.cruds", known)
    assert read(APP | {"scope": scope}, allowed, known).plain is plain
