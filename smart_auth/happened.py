"""What the audit trail is told of the authorization server, in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

SIGN_IN, SIGN_OUT, SECOND_FACTOR, FACTOR_ADDED = "sign-in", "sign-out", "second-factor", "factor-added"
GRANT, REVOCATION, CODE_REUSED, REFRESH_REUSED = "grant", "revocation", "code-reused", "refresh-reused"
CLIENT_CHANGED, PERSON_CHANGED, POLICY_CHANGED, KEYS_CHANGED = (
    "client-changed", "person-changed", "policy-changed", "keys-changed",
)  # fmt: skip
ADMINISTRATION = "administration"
"""Clients, people, policies or keys were read, or somebody tried to."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened."""

    what: str
    """One of those above."""
    status: int
    """As of HTTP: 200, or why not."""
    subject: str = ""
    """Who is answered for; empty where nobody knows."""
    client: str = ""
    grant: str = ""
    address: str = ""
    about: str = ""
    """What was changed, such as Client/lab."""


Note = Callable[[Connection, Happened], None]
"""Stores it with whatever else the transaction does."""
