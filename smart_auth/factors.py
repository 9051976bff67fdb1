"""Second factors: time-based codes, each step once, and recovery codes (security_keys.py has the rest). https://www.rfc-editor.org/rfc/rfc6238"""

from __future__ import annotations

import secrets
from typing import Any

import pyotp
from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from smart_auth import people
from smart_auth.people import Person
from smart_auth.schema import factor, recovery
from smart_auth.scopes import FRESH
from smart_auth.seal import Seal
from smart_auth.secret_values import hashed, verified

STEP = 30
WINDOW = 1
"""Steps a clock may be off."""
RECOVERY_CODES = 10

_TOTP = factor.c.kind == "totp"


def _own(person: Person, confirmed: bool) -> ColumnElement[bool]:
    return (factor.c.subject == person.subject) & (factor.c.confirmed.is_(confirmed))


def fresh(shown: int | None, now: int) -> bool:
    """Whether one that was shown then counts as shown just now."""
    return shown is not None and now - shown <= FRESH


def has(connection: Connection, person: Person) -> bool:
    """Whether the person has a second factor."""
    return bool(connection.execute(select(exists(select(factor.c.id).where(_own(person, True))))).scalar())


def needed(connection: Connection, person: Person) -> bool:
    """Whether they sign in with one: staff always, others if they have one."""
    return person.staff or has(connection, person)


def offer(connection: Connection, seal: Seal, person: Person, now: int) -> str:
    """The secret of a factor that is to be confirmed by its first code; the same one until it is. In base32."""
    waits = select(factor.c.id, factor.c.sealed).where(_own(person, False), _TOTP).with_for_update()
    found = connection.execute(waits).first()
    if found is not None:
        return seal.open(found.sealed, found.id).decode()
    secret, id = pyotp.random_base32(), secrets.token_urlsafe(16)
    row = {
        "id": id,
        "subject": person.subject,
        "kind": "totp",
        "sealed": seal.close(secret.encode(), id),
        "created": now,
    }
    connection.execute(insert(factor).values(**row))
    return secret


def confirm(connection: Connection, seal: Seal, person: Person, code: str, now: int) -> list[str] | None:
    """The factor on offer counts from now on, if the code is one of it: its recovery codes, shown this once."""
    if not _taken(connection, seal, person, code, now, confirmed=False):
        return None
    return fresh_recovery(connection, person)


def give(connection: Connection, seal: Seal, person: Person, now: int) -> tuple[str, list[str]]:
    """A factor made for somebody else's phone: its secret and recovery codes, told this once."""
    remove(connection, person)
    secret = offer(connection, seal, person, now)
    connection.execute(update(factor).where(_own(person, False)).values(confirmed=True))
    return secret, fresh_recovery(connection, person)


def take(connection: Connection, person: Person, now: int) -> None:
    """None of their factors counts any more, and what they had open ends; the next sign-in sets up another one."""
    remove(connection, person)
    people.sign_out(connection, person, now)


def remove(connection: Connection, person: Person) -> None:
    """None of their factors counts any more."""
    connection.execute(delete(factor).where(factor.c.subject == person.subject))
    connection.execute(delete(recovery).where(recovery.c.subject == person.subject))


def proven(connection: Connection, seal: Seal, person: Person, code: str, now: int) -> tuple[str, ...] | None:
    """How the code proves them: methods of https://www.rfc-editor.org/rfc/rfc8176; None: it does not. It is spent."""
    digits = code.replace(" ", "")
    if digits.isascii() and digits.isdigit():
        return ("otp", "mfa") if _taken(connection, seal, person, digits, now, confirmed=True) else None
    return ("mfa",) if _recovered(connection, person, code, now) else None


def _taken(connection: Connection, seal: Seal, person: Person, code: str, now: int, *, confirmed: bool) -> bool:
    """Whether it is the code of a step that was not used yet, nor any after it; one statement judges and spends it."""
    for found in connection.execute(select(factor.c.id, factor.c.sealed).where(_own(person, confirmed), _TOTP)).all():
        maker = pyotp.TOTP(seal.open(found.sealed, found.id).decode(), interval=STEP)
        for step in range(now // STEP - WINDOW, now // STEP + WINDOW + 1):
            if pyotp.utils.strings_equal(maker.generate_otp(step), code):
                unused = (factor.c.id == found.id, factor.c.step < step)
                values: dict[str, Any] = {"step": step, "confirmed": True}
                return bool(connection.execute(update(factor).where(*unused).values(**values)).rowcount)
    return False


def fresh_recovery(connection: Connection, person: Person) -> list[str]:
    """New recovery codes; those before count no more."""
    connection.execute(delete(recovery).where(recovery.c.subject == person.subject))
    codes = [secrets.token_hex(10) for _ in range(RECOVERY_CODES)]  # 80 random bits each
    rows = [{"id": secrets.token_urlsafe(16), "subject": person.subject, "hash": hashed(code)} for code in codes]
    connection.execute(insert(recovery), rows)
    return ["-".join(code[at : at + 5] for at in range(0, 20, 5)) for code in codes]


def _recovered(connection: Connection, person: Person, code: str, now: int) -> bool:
    raw = code.strip().lower().replace("-", "").replace(" ", "")
    unused = select(recovery.c.id, recovery.c.hash).where(
        recovery.c.subject == person.subject, recovery.c.used_at.is_(None)
    )
    right = [row.id for row in connection.execute(unused).all() if verified(row.hash, raw)]
    if not right:
        return False
    spent = update(recovery).where(recovery.c.id == right[0], recovery.c.used_at.is_(None)).values(used_at=now)
    return bool(connection.execute(spent).rowcount)


def address(secret: str, login: str, issuer: str) -> str:
    """The otpauth: URI by which an authenticator takes the secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)
