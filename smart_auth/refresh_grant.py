"""refresh_token at the token endpoint. https://www.rfc-editor.org/rfc/rfc6749#section-6

Authlib compares scopes as texts and keeps the old token; here a scope may be narrowed in meaning, and every token is
followed by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from smart_auth import grants, limits, notice_page, people, person_tokens, refresh
from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS, Client
from smart_auth.grants import Granted
from smart_auth.happened import REFRESH_REUSED, Happened
from smart_auth.parts import Answer
from smart_auth.people import Person
from smart_auth.scopes import Scopes, parse, understood
from smart_auth.too_often import TooOften

if TYPE_CHECKING:
    from smart_auth.server import Server


@dataclass(frozen=True, slots=True)
class _Refreshed:
    granted: Granted
    person: Person
    scopes: Scopes


class Refresh(RefreshTokenGrant):
    """A refresh token for the next tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = [PUBLIC, *SECRETS, PRIVATE_KEY]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def validate_token_request(self) -> None:
        """Takes the refresh token. Raises OAuth2Error."""
        server: Server = self.server
        client = self._unnamed(server) or self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("grant_type: the client is not registered for it")
        value = self.request.form.get("refresh_token")
        if not value:
            raise InvalidRequestError("refresh_token: missing")
        self.request.refresh_token = self._taken(server, client, value)

    def _unnamed(self, server: Server) -> Client | None:
        """The public client whose token this is, where nothing says who asks: SMART has public apps send none of it.

        https://hl7.org/fhir/smart-app-launch/app-launch.html#request-5
        """
        form = self.request.form
        said = {"client_id", "client_secret", "client_assertion", "client_assertion_type"} & set(form)
        if said or self.request.headers["Authorization"]:
            return None
        known = refresh.grant_of(server.connection, form.get("refresh_token", ""))
        client = server.query_client(known.client_id) if known else None
        return client if client is not None and client.auth_method == PUBLIC else None

    def _taken(self, server: Server, client: Client, value: str) -> _Refreshed:
        connection, refused = server.connection, InvalidGrantError("refresh_token: unknown, over, used or not its own")
        known = refresh.grant_of(connection, value)
        if known is None or known.client_id != client.client_id:
            raise refused
        # Before the token is spent: whoever is told to wait comes again with it.
        counted = f"token:{client.client_id}:{known.subject}"
        seconds = limits.wait(connection, counted, limits.TOKENS_PER_MINUTE, server.now)
        if seconds:
            raise TooOften(seconds)
        # Nor does a scope that cannot be had cost it.
        scopes = self._scopes(server, client, known)
        person = people.find(connection, known.subject)
        granted = None

        def reused(family: str, held: bool) -> None:
            happened = Happened(REFRESH_REUSED, 400, known.subject, client.client_id, family, self.request.address)
            server.parts.note(connection, happened)
            kind, _, id = ((person and person.fhir_user) or "").partition("/")
            if held and kind == "Patient":
                text = notice_page.text(client.name, server.now)
                server.afterwards.append(lambda: server.parts.inform(id, text))

        if person is not None and refresh.use(connection, value, server.now, reused):
            granted = grants.use(connection, known.id, server.now)
        if granted is None or person is None:
            raise refused
        return _Refreshed(granted, person, scopes)

    def _scopes(self, server: Server, client: Client, granted: Granted) -> Scopes:
        """What was granted, as far as the client is registered for it and asks for it. Raises InvalidScopeError."""
        known = server.parts.known
        whole = parse(granted.scope, known).meet(parse(client.scope, known))
        text = self.request.form.get("scope")
        asked = whole if text is None else parse(text, known)
        if not asked or not understood(text or "", known) or not whole.covers(asked):
            raise InvalidScopeError("scope: more than was granted")
        return asked

    def create_token_response(self) -> Answer:
        """The tokens, and the refresh token that follows."""
        server: Server = self.server
        found: _Refreshed = self.request.refresh_token
        body = person_tokens.answer(
            server.connection, server.parts, found.granted, found.person, found.scopes, server.now, refreshes=True
        )
        return 200, body, self.TOKEN_RESPONSE_HEADER
