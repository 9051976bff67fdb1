"""Keys that sign tokens, and their change: next -> current -> retired. https://www.rfc-editor.org/rfc/rfc7517

The next key is published long before it signs, a retired one until the last of its tokens is over, so that whoever
keeps a copy of the JWK set is never surprised.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import Connection, delete, insert, select, text, update

from smart_auth.schema import signing_key
from smart_auth.seal import Seal

ACCESS, IDENTITY = "PS256", "RS256"
"""What signs access tokens, and what signs id tokens: docs/decisions/access-in-searches.md."""
BITS = 2048
LONGEST = 3600
"""Seconds that a signed token lives at most."""
CHANGED = "auth_changed"
"""The channel on which every process hears of new keys and revocations."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    kid: str
    alg: str
    private: RSAKey

    def signed(self, type: str, claims: dict[str, Any]) -> str:
        """The claims as a JWT of this type."""
        return jwt.encode({"alg": self.alg, "kid": self.kid, "typ": type}, claims, self.private, algorithms=[self.alg])


def hold(connection: Connection) -> None:
    """Nobody else changes keys before the transaction ends."""
    connection.execute(text("lock table auth.signing_key in share row exclusive mode"))


def make_sure(connection: Connection, seal: Seal, now: int) -> None:
    """Makes the keys that are missing; for every algorithm there is one that signs and one to follow it."""
    # One process at a time, or two would both find them missing.
    hold(connection)
    found = {tuple(row) for row in connection.execute(select(signing_key.c.alg, signing_key.c.state))}
    for alg in (ACCESS, IDENTITY):
        for state in ("current", "next"):
            if (alg, state) not in found:
                _make(connection, seal, alg, state, now)


def rotate(connection: Connection, seal: Seal, alg: str, now: int) -> None:
    """The next key signs from now on; the one that did is retired, and a new one follows."""
    hold(connection)
    connection.execute(delete(signing_key).where(signing_key.c.leaves < now))
    own = signing_key.c.alg == alg
    retired = update(signing_key).where(own, signing_key.c.state == "current")
    connection.execute(retired.values(state="retired", leaves=now + LONGEST))
    connection.execute(update(signing_key).where(own, signing_key.c.state == "next").values(state="current"))
    _make(connection, seal, alg, "next", now)
    connection.execute(text(f"notify {CHANGED}"))


def _make(connection: Connection, seal: Seal, alg: str, state: str, now: int) -> None:
    kid = secrets.token_urlsafe(12)
    key = RSAKey.generate_key(BITS, {"kid": kid, "use": "sig", "alg": alg})
    connection.execute(
        insert(signing_key).values(
            kid=kid,
            alg=alg,
            state=state,
            sealed=seal.close(key.as_der(private=True), kid),
            public=json.dumps(key.as_dict(private=False)),
            created=now,
        )
    )


def current(connection: Connection, seal: Seal, alg: str) -> SigningKey:
    """The key that signs. Raises SealError if it was sealed with another key than the one in force."""
    wanted = select(signing_key.c.kid, signing_key.c.sealed).where(
        signing_key.c.alg == alg, signing_key.c.state == "current"
    )
    kid, sealed = connection.execute(wanted).one()
    return _opened(seal, sealed, kid, alg)


@lru_cache(maxsize=8)
def _opened(seal: Seal, sealed: bytes, kid: str, alg: str) -> SigningKey:
    """Kept, as reading an RSA key checks it, which takes longer than all else a token needs."""
    private = RSAKey.import_key(seal.open(sealed, kid), {"kid": kid, "use": "sig", "alg": alg})
    return SigningKey(kid, alg, private)


_PUBLISHED = text("select public from auth.signing_key where leaves is null or leaves >= :now order by created, kid")


def published(connection: Connection, now: int) -> list[dict[str, Any]]:
    """The public keys, as the JWK set shows them."""
    return [json.loads(public) for public in connection.execute(_PUBLISHED, {"now": now}).scalars()]


def listed(connection: Connection) -> list[tuple[str, str, str, int, int | None]]:
    """(kid, alg, state, created, leaves) of every key, for the operator."""
    key = signing_key.c
    wanted = select(key.kid, key.alg, key.state, key.created, key.leaves).order_by(key.alg, key.created)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(wanted)]
