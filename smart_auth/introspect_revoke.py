"""What clients ask about a token: what it is worth (RFC 7662), and that it end (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from smart_auth import grants, person_tokens, refresh, revocations
from smart_auth.bearer import Verified
from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS, Client
from smart_auth.happened import REVOCATION, Happened
from smart_auth.scopes import parse

if TYPE_CHECKING:
    from smart_auth.server import Request, Server


class _OfToken:
    """What introspection and revocation share: the client proves itself, and unknown hints are no fault."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = [PRIVATE_KEY, *SECRETS]
    server: Server

    def check_params(self, request: Request, client: Client) -> None:
        """Raises InvalidRequestError without a token."""
        if not request.form.get("token"):
            raise InvalidRequestError("token: missing")


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
