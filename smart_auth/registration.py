"""How apps register by themselves, and change what they registered. RFC 7591, RFC 7592

An operator hands out an initial access token; who holds it may register so many clients, with scopes within its own.
A new client waits until an operator approves it, except, where the setting allows it, an app that only reads the record
of whoever signs in.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from smart_auth import clients
from smart_auth.access_token import Site
from smart_auth.client_metadata import Metadata, Refused, read
from smart_auth.parts import Answer
from smart_auth.schema import client as table
from smart_auth.schema import invitation
from smart_auth.scopes import Known, parse
from smart_auth.secret_values import digest, new

PATIENT_APP = "launch launch/patient openid fhirUser profile online_access offline_access patient/*.rs"
"""Scopes an initial access token is for unless the operator says otherwise."""


def invite(connection: Connection, scope: str, uses: int, expires: int) -> str:
    """A new initial access token: for so many clients, until then, with scopes within these."""
    value = new()
    row = {"secret": digest(value), "scope": scope, "uses": uses, "expires": expires}
    connection.execute(insert(invitation).values(**row))
    return value


def approve(connection: Connection, client_id: str) -> bool:
    """Lets a client that waits be used. Whether one of this id waited."""
    found = clients.of_any_state(connection, client_id, hold=True)
    if found is None or not found.waiting:
        return False
    clients.let_in(connection, client_id)
    return True


def store(
    connection: Connection, client_id: str, metadata: Metadata, now: int, *, introspect: bool = False
) -> str | None:
    """Registers a client by its metadata, or changes one, as `clients.register` does. Raises UnusableClient."""
    secret = clients.register(
        connection, client_id, metadata.name, metadata.auth_method, str(metadata.scope), now,
        grant_types=metadata.grant_types, redirect_uris=metadata.redirect_uris, jwks=metadata.jwks,
        jwks_uri=metadata.jwks_uri, introspect=introspect,
    )  # fmt: skip
    about = {"about": json.dumps(dict(metadata.about)), "waiting": False}
    connection.execute(update(table).where(table.c.client_id == client_id).values(**about))
    return secret


@dataclass(frozen=True, slots=True)
class Registration:
    """The endpoint, for one request, in its transaction."""

    connection: Connection
    site: Site
    known: Known
    now: int
    patient_apps: bool
    """Whether plain apps need no approval."""
    changed: Callable[[str, int], None]
    """Is told the client and the status, where one was registered, changed or removed."""

    def answer(self, method: str, client_id: str | None, token: str, body: bytes) -> Answer:
        """client_id: of the client to be read, changed or removed; None: one is to be registered."""
        try:
            if client_id is None:
                return self._register(token, body)
            row = self._own(client_id, token)
            if method == "DELETE":
                clients.switch_off(self.connection, client_id)
                gone = update(table).where(table.c.client_id == client_id)
                self.connection.execute(gone.values(registration=None, waiting=False))
                self.changed(client_id, 204)
                return 204, None, []
            if method == "PUT":
                return self._change(row, token, body)
            return 200, self._told(row, token), []
        except Refused as refused:
            return 400, {"error": refused.error, "error_description": refused.reason}, []
        except _NoRight:
            error = {"error": "invalid_token", "error_description": "the token gives no right to this"}
            return 401, error, [("WWW-Authenticate", 'Bearer realm="register", error="invalid_token"')]

    def _register(self, token: str, body: bytes) -> Answer:
        key = invitation.c.secret == digest(token)
        good = (key, invitation.c.uses > 0, invitation.c.expires > self.now)
        scope = self.connection.execute(select(invitation.c.scope).where(*good)).scalar()
        if scope is None:
            raise _NoRight
        metadata = read(_json(body), parse(scope, self.known), self.known)
        spent = update(invitation).where(*good).values(uses=invitation.c.uses - 1)
        if not self.connection.execute(spent).rowcount:
            raise _NoRight
        # An operator types it after `hub client approve`: it may not begin with a dash, as base64url may.
        client_id, value = secrets.token_hex(16), new()
        told = self._put(client_id, metadata, value, digest(value))
        self.changed(client_id, 201)
        return 201, told, []

    def _change(self, row: Row[Any], token: str, body: bytes) -> Answer:
        sent = _json(body)
        if not isinstance(sent, dict) or sent.get("client_id") != row.client_id:
            raise Refused("invalid_client_metadata", "client_id: must be that of the client")
        metadata = read(sent, parse(row.scope, self.known), self.known)
        told = self._put(row.client_id, metadata, token, row.registration)
        self.changed(row.client_id, 200)
        return 200, told, []

    def _put(self, client_id: str, metadata: Metadata, token: str, hashed: str) -> dict[str, Any]:
        """Stores it; what the client is told, its secret this once. Whatever it had is revoked."""
        secret = store(self.connection, client_id, metadata, self.now)
        waiting = not (self.patient_apps and metadata.plain)
        kept = update(table).where(table.c.client_id == client_id)
        self.connection.execute(kept.values(registration=hashed, waiting=waiting, active=not waiting))
        told = self._named(client_id, self.now, token, waiting=waiting) | metadata.members()
        return told if secret is None else told | {"client_secret": secret, "client_secret_expires_at": 0}

    def _own(self, client_id: str, token: str) -> Row[Any]:
        """The client, if the token is its registration token. Raises _NoRight."""
        own = select(table).where(table.c.client_id == client_id, table.c.registration == digest(token))
        found = self.connection.execute(own.with_for_update()).one_or_none()
        if found is None:
            raise _NoRight
        return found

    def _told(self, row: Row[Any], token: str) -> dict[str, Any]:
        metadata = Metadata.of(clients.client_of(row._mapping), self.known)
        return self._named(row.client_id, row.created, token, waiting=row.waiting) | metadata.members()

    def _named(self, client_id: str, created: int, token: str, *, waiting: bool) -> dict[str, Any]:
        return {
            "client_id": client_id, "client_id_issued_at": created, "registration_access_token": token,
            "registration_client_uri": f"{self.site.issuer}/register?client_id={client_id}",
            "waiting_for_approval": waiting,
        }  # fmt: skip


class _NoRight(Exception):
    """The token is none, or not for this."""


def _json(body: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Refused("invalid_client_metadata", "the body has a member twice")
        return found

    try:
        return json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("invalid_client_metadata", "the body is not JSON") from None
