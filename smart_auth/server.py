"""The token, introspection and revocation endpoints, on Authlib's server classes. https://www.rfc-editor.org/rfc/rfc6749

Synchronous: each request runs in a thread, in one database transaction, with a server of its own. What Authlib does
otherwise than we want is overridden here and pinned by tests/smart_auth/test_authlib.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import Connection

from smart_auth import access_token, clients, grants, limits, person_tokens, refresh, revocations, secret_values
from smart_auth.access_token import Grant, Site
from smart_auth.assertion import Assertion, KeysOf
from smart_auth.bearer import Verified
from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS, Client
from smart_auth.code_grant import AuthorizationCode
from smart_auth.happened import REVOCATION, Happened, Note
from smart_auth.patient_choice import Search
from smart_auth.refresh_grant import Refresh
from smart_auth.scopes import Known, Scopes, parse
from smart_auth.seal import Seal
from smart_auth.too_often import TooOften

SERVICE_SECONDS = 300
"""Life of a token of client_credentials."""
Answer = tuple[int, Any, list[tuple[str, str]]]
"""Status, body for JSON, headers."""
_REALM = ("WWW-Authenticate", 'Basic realm="token"')


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints are made of."""

    site: Site
    seal: Seal
    known: Known
    keys_of: KeysOf
    search: Search
    note: Note


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

    def granted(self, client: Client, asked: str, levels: tuple[str, ...]) -> Scopes:
        """What a client gets of what it asks: all of it, or nothing. Raises InvalidScopeError."""
        scopes = parse(asked, self.parts.known)
        allowed = parse(client.scope, self.parts.known)
        if not scopes or len(asked.split()) > 1000:
            raise InvalidScopeError("scope: nothing in it can be granted")
        if any(one.level not in levels for one in scopes.resources) or scopes.others:
            raise InvalidScopeError("scope: a backend service has scopes of the level system only")
        met = scopes.meet(allowed)
        if not met:
            raise InvalidScopeError("scope: the client is registered for nothing of it")
        return met


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


class BackendService(ClientCredentialsGrant):
    """client_credentials: a backend service, by private_key_jwt alone.

    https://hl7.org/fhir/smart-app-launch/backend-services.html
    """

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = [PRIVATE_KEY]

    def validate_requested_scope(self) -> None:
        """Takes what of the scope is granted. Raises InvalidScopeError."""
        server: Server = self.server
        scopes = server.granted(self.request.client, self.request.payload.scope or "", ("system",))
        self.request.granted = scopes

    def create_token_response(self) -> Answer:
        """The token: five minutes, no refresh token."""
        server: Server = self.server
        client: Client = self.request.client
        scopes: Scopes = self.request.granted
        # Counted once it is proven who asks: no stranger uses up what is the client's.
        seconds = limits.wait(server.connection, f"token:{client.client_id}", limits.TOKENS_PER_MINUTE, server.now)
        if seconds:
            raise TooOften(seconds)
        grant = Grant(client.client_id, client.client_id, scopes)
        parts = server.parts
        token = access_token.issue(server.connection, parts.seal, parts.site, grant, SERVICE_SECONDS)
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": SERVICE_SECONDS,
            "scope": str(scopes),
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER


class _OfToken:
    """What introspection and revocation share: the client proves itself, and unknown hints are no fault."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = [PRIVATE_KEY, *SECRETS]
    server: Server

    def check_params(self, request: Request, client: Client) -> None:
        """Raises InvalidRequestError without a token."""
        if not request.form.get("token"):
            raise InvalidRequestError("token: missing")

    def query_token(self, token: str, hint: str | None) -> None:
        """Found before, by whoever made the request."""
        raise NotImplementedError


class Introspection(_OfToken, IntrospectionEndpoint):
    """What a token is worth, for those who may know: a resource server any, a client its own. RFC 7662"""

    def authenticate_endpoint_client(self, request: Request) -> Client:
        """The client, proven, or named by the bearer token of one that may ask about any. Raises InvalidClientError."""
        if not request.headers["Authorization"].lower().startswith("bearer "):
            client: Client = super().authenticate_endpoint_client(request)
            return client
        found = request.bearer and self.server.query_client(request.bearer.access.client)
        if not found or not found.introspect:
            raise InvalidClientError("the bearer token gives no right to this", status_code=401)
        return found

    def authenticate_token(self, request: Request, client: Client) -> Verified | None:
        """The token, if it holds and the client may ask about it."""
        self.check_params(request, client)
        found = request.named
        return found if found and (client.introspect or found.access.client == client.client_id) else None

    def create_introspection_payload(self, token: Verified | None) -> dict[str, Any]:
        """The answer; the same for whatever is not to be told of."""
        if token is None or revocations.is_revoked(self.server.connection, token.revocation, token.issued):
            return {"active": False}
        claims = token.claims
        shown = ("iss", "sub", "client_id", "scope", "exp", "iat", "patient", "fhirUser")
        told = {name: claims[name] for name in shown if name in claims}
        granted = grants.find(self.server.connection, claims["grant"])
        if granted is not None:
            scopes = parse(claims["scope"], self.server.parts.known)
            told = person_tokens.context(granted, scopes, self.server.parts.site) | told
        return {"active": True, "token_type": "Bearer"} | told | {"iat": int(claims["iat"])}


class Revocation(_OfToken, RevocationEndpoint):
    """Ends a token; 200 whatever it was, and only a client's own ends. RFC 7009"""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = [PRIVATE_KEY, *SECRETS, PUBLIC]

    def authenticate_token(self, request: Request, client: Client) -> str | None:
        """The grant of an access or refresh token, if it is the client's own."""
        self.check_params(request, client)
        if request.named is not None:
            access = request.named.access
            return access.grant if access.client == client.client_id else None
        found = refresh.grant_of(self.server.connection, request.form["token"])
        return found.id if found and found.client_id == client.client_id else None

    def revoke_token(self, token: str, request: Request) -> None:
        """Ends the grant, and with it every token of it."""
        server = self.server
        if grants.end(server.connection, token, grants.REVOKED, server.now):
            happened = Happened(REVOCATION, 200, client=request.client.client_id, grant=token, address=request.address)
            server.parts.note(server.connection, happened)
