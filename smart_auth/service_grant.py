"""client_credentials at the token endpoint: backend services. https://hl7.org/fhir/smart-app-launch/backend-services.html"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from smart_auth import access_token, limits
from smart_auth.access_token import Grant
from smart_auth.clients import PRIVATE_KEY, Client
from smart_auth.parts import Answer
from smart_auth.scopes import Scopes, parse
from smart_auth.too_often import TooOften

if TYPE_CHECKING:
    from smart_auth.server import Server

SECONDS = 300
"""Life of a token."""
MOST_SCOPES = 1000


class BackendService(ClientCredentialsGrant):
    """A backend service, by private_key_jwt alone."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = [PRIVATE_KEY]

    def validate_requested_scope(self) -> None:
        """Takes what of the scope the client is registered for. Raises InvalidScopeError."""
        known, asked = self.server.parts.known, self.request.payload.scope or ""
        scopes = parse(asked, known)
        if not scopes or len(asked.split()) > MOST_SCOPES:
            raise InvalidScopeError("scope: nothing in it can be granted")
        if any(one.level != "system" for one in scopes.resources) or scopes.others:
            raise InvalidScopeError("scope: a backend service has scopes of the level system only")
        met = scopes.meet(parse(self.request.client.scope, known))
        if not met:
            raise InvalidScopeError("scope: the client is registered for nothing of it")
        self.request.granted = met

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
        token = access_token.issue(server.connection, parts.seal, parts.site, grant, SECONDS)
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": SECONDS,
            "scope": str(scopes),
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER
