"""Tokens that bind a websocket to Subscriptions: made by $get-ws-binding-token, shown by `bind-with-token`.

https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from fhir_server.postgres import Row
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access, access_of, access_text

LIFE = 30 * 60 * 1_000_000
"""Microseconds for which a token, and what was bound by it, is good."""
MOST = 100
"""Subscriptions of one token."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token gives."""

    expires: int
    """Microseconds since 1970 UTC."""
    access: Access
    rids: tuple[int, ...]


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(32)


def kept(token: str, grant: Grant, now: int) -> list[Statement]:
    """Remembers a token, and forgets those that are over."""
    over, made = Parameters(), Parameters()
    listed = "{" + ",".join(map(str, grant.rids)) + "}"
    values = [
        made.add(_hash(token), "bytea"),
        made.add(grant.expires, "bigint"),
        made.add(access_text(grant.access), "text"),
        made.add(listed, "bigint[]"),
    ]
    return [
        over.statement(f"delete from subscription_token where expires <= {over.add(now, 'bigint')}"),
        made.statement(f"insert into subscription_token (hash, expires, access, rids) values ({', '.join(values)})"),
    ]


def found(token: str, now: int) -> Statement:
    """Rows for `granted`; none if the token is unknown, or over."""
    parameters = Parameters()
    return parameters.statement(
        "select t.expires, t.access, n.rid from subscription_token t, unnest(t.rids) n(rid)"
        f" where t.hash = {parameters.add(_hash(token), 'bytea')} and t.expires > {parameters.add(now, 'bigint')}"
    )


def granted(rows: Sequence[Row]) -> Grant | None:
    """What a token gives."""
    if not rows:
        return None
    [(expires, access, _), *_] = rows
    rids = tuple(int.from_bytes(rid, "big") for _, _, rid in rows)
    return Grant(int.from_bytes(expires, "big"), access_of(access), rids)


def _hash(token: str) -> str:
    """As PostgreSQL reads bytea."""
    return "\\x" + sha256(token.encode()).hexdigest()
