"""Cookies and languages of pages."""

from __future__ import annotations

import pytest

from smart_auth.access_token import Site
from smart_auth.visits import cookie, cookie_name, language
from smart_auth.words import EN, PT, TYPES
from tests.smart_auth.conftest import SITE


def test_cookies_of_this_host_alone() -> None:
    assert cookie_name(SITE, "session") == "__Host-session"
    parts = cookie(SITE, "session", "value").split("; ")
    assert parts == ["__Host-session=value", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    assert "Max-Age=0" in cookie(SITE, "session", "")
    plain = Site("http://127.0.0.1:8080/auth", "http://127.0.0.1:8080/fhir")
    assert cookie(plain, "session", "value").startswith("development-session=value;")
    assert "Secure" not in cookie(plain, "session", "value")


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("", "pt"), ("pt-BR", "pt"), ("en", "en"), ("en-US,en;q=0.9", "en"), ("pt;q=0.4, en;q=0.8", "en"),
        ("en;q=0.4, pt-PT;q=0.8", "pt"), ("de, fr", "pt"), ("en;q=x", "pt"), (",;q=1,,", "pt"),
    ],
)  # fmt: skip
def test_language(accept: str, found: str) -> None:
    assert language(accept) == found


def test_both_languages_say_everything() -> None:
    assert PT.keys() == EN.keys()
    assert all(PT.values())
    assert all(len(pair) == 2 and all(pair) for pair in TYPES.values())
