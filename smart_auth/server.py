"""The token, introspection and revocation endpoints, on Authlib's server classes: who asks, and what for. RFC 6749

Synchronous: each request runs in a thread, in one database transaction, with a server of its own. What Authlib does
otherwise than we want is overridden here and pinned by tests/smart_auth/test_authlib.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Request,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from sqlalchemy import Connection

from smart_auth import clients, secret_values
from smart_auth.assertion import Assertion
from smart_auth.bearer import Verified
from smart_auth.clients import PRIVATE_KEY, PUBLIC, Client
from smart_auth.code_grant import AuthorizationCode
from smart_auth.introspect_revoke import Introspection, Revocation
from smart_auth.parts import Answer, Parts
from smart_auth.refresh_grant import Refresh
from smart_auth.service_grant import BackendService

_REALM = ("WWW-Authenticate", 'Basic realm="token"')


class Request(OAuth2Request):
    """A form posted to an endpoint."""

    def __init__(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        named: Verified | None = None,
        bearer: Verified | None = None,
        address: str = "",
    ) -> None:
        """form: each parameter once; headers: by lower-case name; named: the token that an endpoint is asked about,
        bearer: the one that came with the request; each if it is an access token that holds; address: of who asks."""
        super().__init__("POST", url, headers={"Authorization": headers.get("authorization", "")})
        self.payload = BasicOAuth2Payload(dict(form))
        self.named, self.bearer, self.address = named, bearer, address

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters."""
        parameters: Mapping[str, str] = self.payload.data
        return parameters


class Server(AuthorizationServer):
    """The endpoints, for one request."""

    def __init__(self, parts: Parts, connection: Connection, now: int) -> None:
        super().__init__()
        self.parts, self.connection, self.now = parts, connection, now
        self.afterwards: list[Callable[[], None]] = []
        """What is done once the transaction holds; its failure is not the client's."""
        assertion = Assertion(connection, parts.site.token_url, parts.keys_of, now)
        self.register_client_auth_method(PRIVATE_KEY, assertion)
        self.register_client_auth_method("client_secret_basic", _by_header)
        self.register_client_auth_method("client_secret_post", _by_form)
        self.register_grant(BackendService)
        self.register_grant(AuthorizationCode)
        self.register_grant(Refresh)
        self.register_endpoint(Introspection(self))
        self.register_endpoint(Revocation(self))

    def query_client(self, client_id: str) -> Client | None:
        """The client of this id."""
        return clients.find(self.connection, client_id)

    def authenticate_client(self, request: Request, methods: list[str], endpoint: str = "token") -> Client:
        """The client, proven. Raises InvalidClientError, InvalidRequestError where it tries two ways at once."""
        form = request.form
        ways = [
            way
            for way, present in (
                ("client_secret_basic", bool(request.headers["Authorization"])),
                ("client_secret_post", "client_secret" in form),
                (PRIVATE_KEY, "client_assertion" in form or "client_assertion_type" in form),
            )
            if present
        ]
        if len(ways) > 1:
            raise InvalidRequestError("a client proves itself in one way only")
        way = ways[0] if ways else PUBLIC
        if way not in methods:
            raise InvalidClientError("the client must prove itself otherwise here", status_code=401)
        if way == PRIVATE_KEY and form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidRequestError("client_assertion_type: not that of a JWT")
        try:
            client: Client = super().authenticate_client(request, [way], endpoint)
        except InvalidClientError as error:
            # One answer for who is unknown and who cannot prove it, except about an assertion's form.
            told = error.description if way == PRIVATE_KEY and ":" in (error.description or "") else ""
            raise InvalidClientError(told or "the client is not known or not proven", status_code=401) from None
        if form.get("client_id", client.client_id) != client.client_id:
            raise InvalidRequestError("client_id: not that of the client")
        return client

    def get_token_grant(self, request: Request) -> Any:
        """The grant asked for. Raises UnsupportedGrantTypeError, which does not repeat what was sent."""
        if "grant_type" not in request.form:
            raise InvalidRequestError("grant_type: missing")
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            raise UnsupportedGrantTypeError("this one") from None

    def create_token_response(self, request: Request) -> Answer:
        """The answer of the token endpoint."""
        try:
            answer: Answer = super().create_token_response(request)
        except OAuth2Error as error:
            answer = self.handle_error_response(request, error)
        return answer

    def create_oauth2_request(self, request: Request) -> Request:
        """The request is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        """The answer as it is; 401 names the way to prove oneself by header, without a text of its own."""
        kept = [one for one in headers if one[0].lower() != "www-authenticate"]
        return status, body, [*kept, _REALM] if status == 401 else kept

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _by_header(query_client: Any, request: Request) -> Client | None:
    """HTTP Basic, both halves form-encoded first as RFC 6749 2.3.1 has it; every failure takes as long."""
    scheme, _, encoded = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        client_id, secret = unquote(client_id, errors="strict"), unquote(secret, errors="strict")
    except (binascii.Error, ValueError):
        return None
    return _by_secret(query_client, client_id, secret)


def _by_form(query_client: Any, request: Request) -> Client | None:
    """Id and secret as parameters."""
    return _by_secret(query_client, request.form.get("client_id", ""), request.form["client_secret"])


def _by_secret(query_client: Any, client_id: str, secret: str) -> Client | None:
    """The client of this id and secret; it takes as long if there is none of this id."""
    client: Client | None = query_client(client_id)
    proven = secret_values.verified(client.secret_hash if client else None, secret)
    return client if proven else None
