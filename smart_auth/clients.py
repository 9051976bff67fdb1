"""Registered clients: apps and backend services, and how each proves who it is. https://www.rfc-editor.org/rfc/rfc7591"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Connection, insert, select, text, update

from smart_auth.revocations import revoke
from smart_auth.schema import client as table
from smart_auth.secret_values import hashed, verified

PRIVATE_KEY = "private_key_jwt"
SECRETS = ("client_secret_basic", "client_secret_post")
PUBLIC = "none"
MAX_KEYS = 20
RSA_BITS = 2048


class UnusableClient(ValueError):
    """A registration that cannot be accepted; the text names the member and the reason."""


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client; its methods are those Authlib asks."""

    client_id: str
    name: str
    active: bool
    auth_method: str
    secret_hash: str | None
    jwks: str | None
    jwks_uri: str | None
    scope: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    introspect: bool
    waiting: bool = False
    """It registered by itself, and nobody let it in yet."""
    about: str = "{}"
    """What it said of itself and only it asks for again, as JSON text."""

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def check_client_secret(self, secret: str) -> bool:
        """Whether this is its secret."""
        return verified(self.secret_hash, secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may prove itself this way: by the one method it is registered with, at every endpoint."""
        return method == self.auth_method

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use the grant."""
        return grant_type in self.grant_types

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may use the response type."""
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether the URI is, byte for byte, a registered one."""
        return redirect_uri in self.redirect_uris


def find(connection: Connection, client_id: str) -> Client | None:
    """The client, unless it is unknown or switched off; that waits until this transaction has issued what it will."""
    if "\x00" in client_id:
        return None  # no text in PostgreSQL
    wanted = select(table).where(table.c.client_id == client_id, table.c.active)
    found = connection.execute(wanted.with_for_update(read=True)).one_or_none()
    return None if found is None else client_of(found._mapping)


def listed(connection: Connection, after: str = "", most: int | None = None) -> list[Client]:
    """All clients, for the operator; after: an id, those that follow it; most: so many."""
    wanted = select(table).where(table.c.client_id > after).order_by(table.c.client_id).limit(most)
    return [client_of(row._mapping) for row in connection.execute(wanted)]


def of_any_state(connection: Connection, client_id: str, *, hold: bool = False) -> Client | None:
    """The client, active or not; hold: which nobody else changes before this transaction ends."""
    wanted = select(table).where(table.c.client_id == client_id)
    found = connection.execute(wanted.with_for_update() if hold else wanted).one_or_none()
    return None if found is None else client_of(found._mapping)


_ORIGINS = text(
    "select distinct substring(uri from '^https?://[^/?#]+') from auth.client, unnest(redirect_uris) uri where active"
)


def origins(connection: Connection) -> frozenset[bytes]:
    """Origins of the web pages that redirect URIs lead to. https://www.rfc-editor.org/rfc/rfc6454#section-6.2"""
    found = connection.execute(_ORIGINS).scalars()
    return frozenset(uri.lower().encode() for uri in found if uri)


def client_of(row: Any) -> Client:
    """The client of a row of the table."""
    members = {name: row[name] for name in Client.__slots__}
    return Client(**members | {name: tuple(members[name]) for name in ("grant_types", "redirect_uris")})


def register(
    connection: Connection,
    client_id: str,
    name: str,
    auth_method: str,
    scope: str,
    now: int,
    *,
    grant_types: Sequence[str],
    redirect_uris: Sequence[str] = (),
    jwks: str | None = None,
    jwks_uri: str | None = None,
    introspect: bool = False,
    secret: str | None = None,
) -> str | None:
    """Registers a client, or changes one of this id; its secret, shown this once, if it proves itself by one.

    secret: of a client that has one already; a new one, if not given.

    Raises UnusableClient.
    """
    if (auth_method == PRIVATE_KEY) != (jwks is not None or jwks_uri is not None) or (jwks and jwks_uri):
        raise UnusableClient("jwks, jwks_uri: a client that signs has one of them, no other client has")
    if jwks is not None:
        key_set(jwks)
    secret = (secret or secrets.token_urlsafe(32)) if auth_method in SECRETS else None
    values = {
        "name": name, "active": True, "auth_method": auth_method, "scope": scope, "grant_types": list(grant_types),
        "redirect_uris": list(redirect_uris), "jwks": jwks, "jwks_uri": jwks_uri, "introspect": introspect,
        "secret_hash": hashed(secret) if secret else None,
    }  # fmt: skip
    known = connection.execute(update(table).where(table.c.client_id == client_id).values(**values))
    if known.rowcount:
        revoke(connection, f"client:{client_id}")
    else:
        connection.execute(insert(table).values(client_id=client_id, created=now, **values))
    return secret


def switch_off(connection: Connection, client_id: str) -> bool:
    """Ends a client: no new tokens, and those it has no longer hold. Whether there was one."""
    done = connection.execute(update(table).where(table.c.client_id == client_id).values(active=False))
    revoke(connection, f"client:{client_id}")
    return done.rowcount > 0


def let_in(connection: Connection, client_id: str) -> None:
    """Lets a client be used that waits, or was switched off."""
    connection.execute(update(table).where(table.c.client_id == client_id).values(active=True, waiting=False))


def key_set(jwks: str | bytes) -> list[RSAKey | ECKey]:
    """The public keys of a JWK set that may sign assertions, all with a `kid`; others are passed over.

    Raises UnusableClient for what is no JWK set, for too many keys, and for private ones.
    """
    try:
        listed = json.loads(jwks)["keys"]
        found = KeySet.import_key_set({"keys": listed}).keys if listed else []
    except (ValueError, TypeError, KeyError, JoseError):
        raise UnusableClient("jwks: not a JWK set") from None
    if len(found) > MAX_KEYS:
        raise UnusableClient(f"jwks: more than {MAX_KEYS} keys")
    if any(key.is_private for key in found):
        raise UnusableClient("jwks: holds a private key; it is to hold public ones only")
    usable = [key for key in found if isinstance(key, RSAKey | ECKey) and strong(key) and _named(key.as_dict())]
    if not usable:
        raise UnusableClient(
            "jwks: no RSA key of at least 2048 bits and no EC key on P-384 in it, with a kid; if it has use or key_ops,"
            " they are sig and verify"
        )
    return usable


def _named(members: dict[str, Any]) -> bool:
    """Whether a public key has a name, and is meant to verify signatures."""
    meant = members.get("use", "sig") == "sig" and "verify" in members.get("key_ops", ("verify",))
    return "kid" in members and meant


def strong(key: object) -> bool:
    """Whether the key is of a kind and size that may sign assertions."""
    if isinstance(key, RSAKey):
        return bool(key.public_key.key_size >= RSA_BITS)
    return isinstance(key, ECKey) and key.curve_name == "P-384"
