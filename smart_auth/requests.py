"""Authorization requests under way: stored as they came, so that signing in and consenting cannot change them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, update

from smart_auth.schema import request as table
from smart_auth.secret_values import digest, new

SECONDS = 15 * 60
"""For signing in, finding the second factor, reading, choosing."""


Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One request that waits for its person."""

    parameters: tuple[tuple[str, str], ...]
    redirect_uri: str
    created: int
    proved: str | None
    """The session that proved for this request who it is."""


def put(connection: Connection, parameters: Parameters, redirect_uri: str, now: int) -> str:
    """The value that names it in the URL of its continuation."""
    value = new()
    row = {
        "secret": digest(value), "redirect_uri": redirect_uri, "parameters": json.dumps(parameters), "created": now,
        "expires": now + SECONDS,
    }  # fmt: skip
    connection.execute(insert(table).values(**row))
    return value


def find(connection: Connection, value: str, now: int) -> UnderWay | None:
    """The request, if it waits."""
    wanted = select(table.c.parameters, table.c.redirect_uri, table.c.created, table.c.proved).where(
        *_waits(value, now)
    )
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    parameters = tuple((name, text) for name, text in json.loads(row.parameters))
    return UnderWay(parameters, row.redirect_uri, row.created, row.proved)


def proved(connection: Connection, value: str, sid: str, now: int) -> None:
    """Notes that somebody signed in for the request, if there is one."""
    connection.execute(update(table).where(*_waits(value, now)).values(proved=sid))


def show(connection: Connection, value: str, sid: str, now: int) -> str:
    """The one-time value for the consent form that this session is shown; one shown before no longer counts."""
    form = new()
    shown = update(table).where(*_waits(value, now)).values(sid=sid, form=digest(form))
    connection.execute(shown)
    return form


def answer(connection: Connection, value: str, sid: str, form: str, now: int) -> bool:
    """Whether the answer comes from the form this session was last shown; the request is answered from now on."""
    own = (*_waits(value, now), table.c.sid == sid, table.c.form == digest(form))
    return bool(connection.execute(update(table).where(*own).values(used_at=now)).rowcount)


def take(connection: Connection, value: str, now: int) -> bool:
    """Whether it still waited; it is answered, without asking, from now on."""
    return bool(connection.execute(update(table).where(*_waits(value, now)).values(used_at=now)).rowcount)


def _waits(value: str, now: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.secret == digest(value), table.c.used_at.is_(None), table.c.expires > now
