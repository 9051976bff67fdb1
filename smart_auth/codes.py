"""Authorization codes: 256 bits, a minute, once. https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from smart_auth import grants
from smart_auth.schema import code as table
from smart_auth.secret_values import digest, new

SECONDS = 60
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""Of S256: 32 bytes in base64url. https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def make(
    connection: Connection, granted: str, client_id: str, redirect_uri: str, challenge: str, nonce: str | None, now: int
) -> str:
    """A code for a grant."""
    value = new()
    row = {
        "secret": digest(value), "granted": granted, "client_id": client_id, "redirect_uri": redirect_uri,
        "challenge": challenge, "nonce": nonce, "expires": now + SECONDS,
    }  # fmt: skip
    connection.execute(insert(table).values(**row))
    return value


def use(
    connection: Connection, value: str, client_id: str, redirect_uri: str, verifier: str, now: int,
    reused: Callable[[str], None],
) -> tuple[str, str | None] | None:  # fmt: skip
    """(grant, nonce) of a code, which is spent from now on; None: it is not the client's, fresh, unused, for this
    redirect URI and verifier. One statement, so that of many at once one alone gets through; whoever comes after that
    ends the grant, which `reused` is told."""
    own = (
        table.c.secret == digest(value),
        table.c.used_at.is_(None),
        table.c.expires > now,
        table.c.client_id == client_id,
        table.c.redirect_uri == redirect_uri,
        table.c.challenge == challenge_of(verifier),
    )
    taken = update(table).where(*own).values(used_at=now).returning(table.c.granted, table.c.nonce)
    found = connection.execute(taken).one_or_none()
    if found is not None:
        return found.granted, found.nonce
    spent = select(table.c.granted).where(table.c.secret == digest(value), table.c.used_at.is_not(None))
    family = connection.execute(spent).scalar()
    if family is not None:
        grants.end(connection, family, grants.CODE_REUSED, now)
        reused(family)
    return None
