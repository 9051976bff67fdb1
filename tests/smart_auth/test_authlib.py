"""What Authlib does by itself, and that we do not: if it changes, these tests say which override is to be looked at.

What is done instead is shown by tests/attacks against the served hub.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.authenticate_client import ClientAuthentication
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload, OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc import jwt
from joserfc.jwk import ECKey

from smart_auth import clients
from smart_auth.refresh_grant import Refresh

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


def test_a_refresh_token_is_kept() -> None:
    assert RefreshTokenGrant.INCLUDE_NEW_REFRESH_TOKEN is False
    assert Refresh.INCLUDE_NEW_REFRESH_TOKEN is True


def test_scopes_are_compared_as_texts() -> None:
    """So that patient/Observation.r is no part of patient/*.rs for it."""

    class Token:
        def get_scope(self) -> str:
            return "patient/*.rs"

    request = OAuth2Request("POST", URL)
    request.payload = BasicOAuth2Payload({"scope": "patient/Observation.r"})
    with pytest.raises(InvalidScopeError):
        RefreshTokenGrant(request, None)._validate_token_scope(Token())


def test_a_code_is_deleted_after_it_was_used() -> None:
    """Read, used, then deleted: of many at once several get through. And a client needs no PKCE for it."""
    done: list[str] = []

    class Code:
        def get_redirect_uri(self) -> str:
            return ""

        def get_scope(self) -> str:
            return ""

    class StockGrant(AuthorizationCodeGrant):
        def query_authorization_code(self, code: str, client: Any) -> Code:
            done.append("read")
            return Code()

        def authenticate_user(self, authorization_code: Code) -> str:
            return "person"

        def generate_token(self, **more: Any) -> dict[str, str]:
            return {}

        def save_token(self, token: Any) -> None:
            done.append("issued")

        def delete_authorization_code(self, authorization_code: Code) -> None:
            done.append("deleted")

        def authenticate_token_endpoint_client(self) -> clients.Client:
            return clients.Client(
                "c", "c", True, "none", None, None, None, "", ("authorization_code",), (), False
            )  # fmt: skip

    request = OAuth2Request("POST", URL)
    request.payload = BasicOAuth2Payload({"code": "x"})
    request._body = {"code": "x"}
    grant = StockGrant(request, None)
    grant.validate_token_request()
    grant.create_token_response()
    assert done == ["read", "issued", "deleted"]
