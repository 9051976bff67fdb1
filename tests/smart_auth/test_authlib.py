"""What Authlib does by itself, and that we do not: if it changes, these tests say which override is to be looked at.

What is done instead is shown by tests/attacks against the served hub.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidGrantError, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.authenticate_client import ClientAuthentication
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc import jwt
from joserfc.jwk import ECKey

from smart_auth import clients

KEY = ECKey.generate_key("P-384", {"kid": "ec"})
SMALL = ECKey.generate_key("P-256", {"kid": "ec"})
URL = "https://example.org/token"


class Stock(JWTBearerClientAssertion):
    """As Authlib's documentation has it."""

    def get_audiences(self) -> list[str]:
        return [URL]

    def validate_jti(self, claims: Any, jti: str) -> bool:
        return True


def signed(key: ECKey, alg: str, **claims: Any) -> str:
    good = {"iss": "c", "sub": "c", "aud": URL, "exp": int(time.time()) + 60, "jti": "1"} | claims
    return jwt.encode({"alg": alg, "kid": "ec"}, good, key, algorithms=[alg])


def test_es384_is_refused_and_es256_taken() -> None:
    Stock().process_assertion_claims(signed(SMALL, "ES256"), SMALL)
    with pytest.raises(InvalidClientError):
        Stock().process_assertion_claims(signed(KEY, "ES384"), KEY)


def test_any_far_exp_is_taken() -> None:
    Stock().process_assertion_claims(signed(SMALL, "ES256", exp=int(time.time()) + 10**9), SMALL)


def test_an_audience_among_others_is_taken() -> None:
    Stock().process_assertion_claims(signed(SMALL, "ES256", aud=[URL, "https://other"]), SMALL)


def test_jku_and_typ_are_not_looked_at() -> None:
    claims = {"iss": "c", "sub": "c", "aud": URL, "exp": int(time.time()) + 60, "jti": "1"}
    head = {"alg": "ES256", "typ": "anything", "jku": "https://evil.example.org"}
    Stock().process_assertion_claims(jwt.encode(head, claims, SMALL, algorithms=["ES256"]), SMALL)


def test_pkce_is_optional_and_plain_allowed() -> None:
    assert CodeChallenge.SUPPORTED_CODE_CHALLENGE_METHOD == ["plain", "S256"]
    assert CodeChallenge.DEFAULT_CODE_CHALLENGE_METHOD == "plain"


def test_its_texts_repeat_what_was_sent() -> None:
    assert "secret-value" in UnsupportedGrantTypeError("secret-value").get_error_description()


def test_an_unknown_client_is_answered_otherwise_than_a_wrong_secret() -> None:
    """And sooner: no hash is computed for it."""
    request = OAuth2Request("POST", URL)
    request.payload = BasicOAuth2Payload({"client_id": "c", "client_secret": "x"})
    request._body = {"client_id": "c", "client_secret": "x"}
    texts = []
    client = clients.Client("c", "c", True, "client_secret_post", None, None, None, "", (), (), False)
    for found in (None, client):
        with pytest.raises(InvalidClientError) as caught:
            ClientAuthentication(lambda _, found=found: found)(request, ["client_secret_post"])
        texts.append(caught.value.description)
    assert texts[0] != texts[1]


def test_a_foreign_token_is_told_from_an_unknown_one() -> None:
    class Endpoint(RevocationEndpoint):
        def query_token(self, token: str, hint: str | None) -> Any:
            return self

        def check_client(self, client: Any) -> bool:
            return False

    request = OAuth2Request("POST", URL)
    request._body = {"token": "t"}
    with pytest.raises(InvalidGrantError):
        Endpoint(None).authenticate_token(request, "c")


def test_plain_http_is_refused_unless_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from authlib.oauth2.rfc6749.errors import InsecureTransportError

    with pytest.raises(InsecureTransportError):
        OAuth2Request("POST", "http://example.org/token")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    OAuth2Request("POST", "http://example.org/token")
