"""What people allowed apps, and its end: with a grant end its code, its refresh tokens and its access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, insert, select, update

from smart_auth.revocations import revoke
from smart_auth.schema import granted as table
from smart_auth.scopes import Known, Scopes, parse
from smart_auth.secret_values import new

IDLE = 90 * 24 * 3600
"""Seconds after which an offline grant ends that no app uses."""
LONGEST = 365 * 24 * 3600

SIGNED_OUT, REVOKED, WITHDRAWN, CODE_REUSED, REFRESH_REUSED = (
    "signed-out", "revoked", "withdrawn", "code-reused", "refresh-reused",
)  # fmt: skip
"""Why one ended: the session did, the app gave it back, the person took it back, somebody used a secret twice;
`person`: what the person may do changed (people.py)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """One grant that holds."""

    id: str
    client_id: str
    subject: str
    scope: str
    patient: str | None
    context: str
    """Of a launch, as `launches.Context` has it."""
    sid: str
    auth_time: int
    methods: tuple[str, ...]
    offline: bool
    created: int
    used: int
    expires: int


def _granted(row: Any) -> Granted:
    return Granted(**{name: row[name] for name in Granted.__slots__} | {"methods": tuple(row["methods"])})


def make(connection: Connection, **values: Any) -> str:
    """Notes a grant; its id. values: the columns of `schema.granted`, id aside."""
    id = new()
    connection.execute(insert(table).values(id=id, **values))
    return id


def find(connection: Connection, id: str | ScalarSelect[str]) -> Granted | None:
    """The grant, if it has not ended, to look at."""
    found = connection.execute(select(table).where(table.c.id == id, table.c.ended_at.is_(None))).one_or_none()
    return None if found is None else _granted(found._mapping)


def use(connection: Connection, id: str, now: int) -> Granted | None:
    """The grant, if it holds: its end waits until this transaction has issued what it will."""
    holds = (table.c.id == id, table.c.ended_at.is_(None), table.c.expires > now)
    found = connection.execute(update(table).where(*holds).values(used=now).returning(table)).one_or_none()
    return None if found is None else _granted(found._mapping)


def of_person(connection: Connection, subject: str, now: int) -> list[Granted]:
    """What a person allows just now, newest first."""
    holds = (table.c.subject == subject, table.c.ended_at.is_(None), table.c.expires > now)
    found = connection.execute(select(table).where(*holds).order_by(table.c.created.desc(), table.c.id))
    return [_granted(row._mapping) for row in found]


def agreed(
    connection: Connection, subject: str, client_id: str, patient: str | None, scopes: Scopes, now: int, known: Known
) -> bool:
    """Whether the person allowed the app as much before, for the same patient, and has not taken it back."""
    lives = table.c.ended_at.is_(None) | (table.c.ended_by == SIGNED_OUT)
    wanted = select(table.c.scope).where(
        table.c.subject == subject, table.c.client_id == client_id, lives, table.c.created > now - LONGEST,
        table.c.patient.is_not_distinct_from(patient),
    )  # fmt: skip
    return any(parse(scope, known).covers(scopes) for (scope,) in connection.execute(wanted))


def end(connection: Connection, id: str, reason: str, now: int) -> bool:
    """Ends a grant and all its tokens. Whether it held until now."""
    done = connection.execute(
        update(table).where(table.c.id == id, table.c.ended_at.is_(None)).values(ended_at=now, ended_by=reason)
    )
    # Even if it had ended: an access token may be all that is left of it.
    revoke(connection, f"grant:{id}")
    return done.rowcount > 0


def withdraw(connection: Connection, subject: str, client_id: str, now: int) -> int:
    """The person takes back whatever they allowed an app; how many grants that ended."""
    own = (table.c.subject == subject, table.c.client_id == client_id)
    # Also of those that ended with their session: none of them counts as agreed any longer.
    held = own[0] & own[1] & (table.c.ended_at.is_(None) | (table.c.ended_by == SIGNED_OUT))
    done = connection.execute(
        update(table).where(held).values(ended_at=now, ended_by=WITHDRAWN).returning(table.c.id)
    ).all()
    for (id,) in done:
        revoke(connection, f"grant:{id}")
    return len(done)


def unknown_ends(connection: Connection, subject: str) -> list[tuple[str, int]]:
    """(client_id, when) of grants that a token used twice ended, which the person does not know yet; newest first."""
    wanted = select(table.c.client_id, table.c.ended_at).where(*_unknown(subject)).order_by(table.c.ended_at.desc())
    return [(client_id, ended) for client_id, ended in connection.execute(wanted)]


def _unknown(subject: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.subject == subject, table.c.ended_by == REFRESH_REUSED, table.c.acknowledged.is_(None)


def acknowledge(connection: Connection, subject: str, now: int) -> None:
    """The person knows."""
    connection.execute(update(table).where(*_unknown(subject)).values(acknowledged=now))


def end_session(connection: Connection, sid: str, now: int) -> None:
    """Ends what was granted for the time of a session only."""
    online = (table.c.sid == sid, table.c.offline.is_(False), table.c.ended_at.is_(None))
    done = update(table).where(*online).values(ended_at=now, ended_by=SIGNED_OUT).returning(table.c.id)
    for (id,) in connection.execute(done).all():
        revoke(connection, f"grant:{id}")
