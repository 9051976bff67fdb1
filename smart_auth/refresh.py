"""Refresh tokens: each works once and is followed by another; one seen twice ends the grant. RFC 9700, 4.14.2"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from smart_auth import grants
from smart_auth.grants import Granted
from smart_auth.schema import refresh as table
from smart_auth.secret_values import digest, new


def make(connection: Connection, granted: Granted, now: int) -> str:
    """The next refresh token of a grant."""
    value = new()
    expires = min(granted.expires, now + grants.IDLE) if granted.offline else granted.expires
    connection.execute(insert(table).values(secret=digest(value), granted=granted.id, expires=expires))
    return value


def grant_of(connection: Connection, value: str) -> Granted | None:
    """The grant a refresh token is of, used or not, if it has not ended."""
    return grants.find(connection, _family(value).scalar_subquery())


def _family(value: str) -> Select[Any]:
    return select(table.c.granted).where(table.c.secret == digest(value))


def use(connection: Connection, value: str, now: int, reused: Callable[[str, bool], None]) -> bool:
    """Whether the token is unused and fresh; it is spent from now on. One that was spent before ends the grant,
    which `reused` is told, and whether it held until then."""
    fresh = (table.c.secret == digest(value), table.c.used_at.is_(None))
    taken = connection.execute(update(table).where(*fresh).values(used_at=now).returning(table.c.expires)).one_or_none()
    if taken is not None:
        return bool(taken.expires > now)
    family: str | None = connection.execute(_family(value)).scalar()
    if family is not None:
        reused(family, grants.end(connection, family, grants.REFRESH_REUSED, now))
    return False
