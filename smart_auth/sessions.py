"""Who is signed in, in which browser. A session's id changes whenever its holder proves who they are.

https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from smart_auth import grants, people
from smart_auth.people import Person
from smart_auth.schema import session as table
from smart_auth.secret_values import digest, new

IDLE = 30 * 60
LONGEST = 12 * 3600
CHALLENGE = 300
"""Seconds for which a challenge counts."""
_SEEN = 60
"""Seconds after which it is noted again that a session is in use."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a person who is active."""

    sid: str
    """Stays the same while the cookie changes."""
    person: Person
    created: int
    auth_time: int
    """When they last proved who they are."""
    methods: tuple[str, ...]
    """How: values of https://www.rfc-editor.org/rfc/rfc8176"""
    waiting: bool
    """For the second factor: until then it counts for nothing."""
    factor_time: int | None
    """When one was last shown."""
    form: str
    """What forms of its pages must carry: no other site knows it."""


def start(
    connection: Connection,
    subject: str,
    methods: Sequence[str],
    now: int,
    before: Session | None = None,
    *,
    waiting: bool = False,
    factor_time: int | None = None,
) -> tuple[str, str]:
    """(cookie, sid) of a new session; the one the browser had goes on under a new id, or ends if it was another's."""
    cookie = new()
    values: dict[str, object] = {"secret": digest(cookie), "seen": now, "auth_time": now, "methods": list(methods)}
    values |= {"waiting": waiting, "factor_time": factor_time}
    if before is not None and before.person.subject == subject:
        done = connection.execute(update(table).where(table.c.sid == before.sid).values(**values))
        if done.rowcount:
            return cookie, before.sid
    elif before is not None:
        end(connection, before, now)
    sid = new()
    connection.execute(insert(table).values(sid=sid, subject=subject, created=now, **values))
    return cookie, sid


def find(connection: Connection, cookie: str, now: int) -> Session | None:
    """The session of a cookie, if it goes on."""
    row = connection.execute(select(table).where(table.c.secret == digest(cookie))).one_or_none() if cookie else None
    if row is None or row.seen < now - IDLE or row.created < now - LONGEST:
        return None
    person = people.find(connection, row.subject)
    if person is None:
        return None
    if row.seen < now - _SEEN:
        connection.execute(update(table).where(table.c.sid == row.sid).values(seen=now))
    form = digest(f"form:{cookie}")
    return Session(row.sid, person, row.created, row.auth_time, tuple(row.methods), row.waiting, row.factor_time, form)


def holds(connection: Connection, sid: str) -> bool:
    """Whether it goes on; its end waits until this transaction has granted what it will."""
    wanted = select(table.c.sid).where(table.c.sid == sid).with_for_update(read=True)
    return connection.execute(wanted).first() is not None


def challenge(connection: Connection, sid: str, now: int) -> bytes:
    """What a security key is to sign for this session, within 5 minutes; one given before no longer counts."""
    value = new()
    given = update(table).where(table.c.sid == sid).values(challenge=value, challenge_until=now + CHALLENGE)
    connection.execute(given)
    return value.encode()


def challenged(connection: Connection, sid: str, now: int) -> bytes | None:
    """What it was to sign; it is taken, and works once."""
    wanted = select(table.c.challenge).where(table.c.sid == sid, table.c.challenge_until > now).with_for_update()
    value: str | None = connection.execute(wanted).scalar()
    connection.execute(update(table).where(table.c.sid == sid).values(challenge=None, challenge_until=None))
    return None if value is None else value.encode()


def end(connection: Connection, session: Session, now: int) -> None:
    """Signs out: the session is over, and with it whatever was granted for its time only."""
    connection.execute(delete(table).where(table.c.sid == session.sid))
    grants.end_session(connection, session.sid, now)
