"""authorization_code at the token endpoint. https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3

Authlib reads a code, uses it, then deletes it; here it is taken by one statement that judges it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant

from smart_auth import codes, grants, people, person_tokens
from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS, Client
from smart_auth.grants import Granted
from smart_auth.happened import CODE_REUSED, Happened
from smart_auth.parts import Answer
from smart_auth.people import Person
from smart_auth.scopes import parse

if TYPE_CHECKING:
    from smart_auth.server import Server


class AuthorizationCode(AuthorizationCodeGrant):
    """A code for tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = [PUBLIC, *SECRETS, PRIVATE_KEY]

    def query_authorization_code(self, code: str, client: Client) -> Granted | None:
        """The grant of the code, which is spent. Raises InvalidRequestError."""
        server: Server = self.server
        form = self.request.form
        verifier, redirect_uri = form.get("code_verifier"), form.get("redirect_uri")
        if verifier is None or redirect_uri is None:
            raise InvalidRequestError(f"{'code_verifier' if verifier is None else 'redirect_uri'}: missing")
        if not codes.VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("code_verifier: must be 43 to 128 unreserved characters")

        def reused(granted: str) -> None:
            address = self.request.address
            happened = Happened(CODE_REUSED, 400, client=client.client_id, grant=granted, address=address)
            server.parts.note(server.connection, happened)

        found = codes.use(server.connection, code, client.client_id, redirect_uri, verifier, server.now, reused)
        if found is None:
            return None
        granted, self.request.nonce = found
        return grants.use(server.connection, granted, server.now)

    def validate_token_request(self) -> None:
        """Takes the code. Raises OAuth2Error."""
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(self.GRANT_TYPE):
            raise InvalidGrantError("grant_type: the client is not registered for it")
        code = self.request.form.get("code")
        if not code:
            raise InvalidRequestError("code: missing")
        self.request.authorization_code = self.query_authorization_code(code, client)
        if self.request.authorization_code is None:
            raise InvalidGrantError("code: unknown, over, used, or not for this client, redirect_uri and code_verifier")

    def authenticate_user(self, authorization_code: Granted) -> Person | None:
        """Whoever granted it, if active."""
        return people.find(self.server.connection, authorization_code.subject)

    def create_token_response(self) -> Answer:
        """The tokens. Raises InvalidGrantError."""
        server: Server = self.server
        granted: Granted = self.request.authorization_code
        person = self.authenticate_user(granted)
        if person is None:
            raise InvalidGrantError("code: its person may no longer sign in")
        scopes = parse(granted.scope, server.parts.known)
        client: Client = self.request.client
        refreshes = client.check_grant_type("refresh_token") and not person_tokens.LASTING.isdisjoint(scopes.others)
        body = person_tokens.answer(
            server.connection, server.parts, granted, person, scopes, server.now, nonce=self.request.nonce,
            refreshes=refreshes,
        )  # fmt: skip
        return 200, body, self.TOKEN_RESPONSE_HEADER
