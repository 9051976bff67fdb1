"""People who sign in: who they are, what they are here (roles), and for whom they may act.

Whatever changes what a person may do ends what they had: sessions, grants and, within seconds, every token.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from smart_auth import passwords
from smart_auth.references import ID, REFERENCE
from smart_auth.revocations import revoke
from smart_auth.roles import FOR_THEMSELVES, ROLES
from smart_auth.schema import granted, session
from smart_auth.schema import person as table

USERS = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")
"""Types of a person's own resource: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-identity-data"""


class UnusablePerson(ValueError):
    """What was said of a person cannot be; the text names the item and the reason, never a password."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person."""

    subject: str
    login: str
    name: str
    password_hash: str | None
    roles: tuple[str, ...]
    fhir_user: str | None
    organization: str | None
    patients: tuple[str, ...]
    active: bool

    @property
    def staff(self) -> bool:
        """Whether they have a role beside those for their own sake."""
        return any(role not in FOR_THEMSELVES for role in self.roles)

    def roles_about(self, patient: str | None) -> tuple[str, ...]:
        """The roles that count where this patient is the context: of others' records nobody is a member or guardian."""
        if patient is None or patient in self.patients:
            return self.roles
        roles = tuple(role for role in self.roles if role not in FOR_THEMSELVES)
        assert roles  # only staff may choose them; and without roles a token's scopes alone would count
        return roles


def folded(login: str) -> str:
    """A login as it is kept: however it was typed."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def _person(row: Any) -> Person:
    members = {name: row[name] for name in Person.__slots__}
    return Person(**members | {name: tuple(members[name]) for name in ("roles", "patients")})


def find(connection: Connection, subject: str) -> Person | None:
    """The person, if active; a change of them waits until this transaction has issued what it will."""
    wanted = select(table).where(table.c.subject == subject, table.c.active).with_for_update(read=True)
    found = connection.execute(wanted).one_or_none()
    return None if found is None else _person(found._mapping)


def by_login(connection: Connection, login: str) -> Person | None:
    """Whoever has the login, active or not."""
    found = connection.execute(select(table).where(table.c.login == folded(login).replace("\x00", ""))).one_or_none()
    return None if found is None else _person(found._mapping)


def listed(connection: Connection, after: str = "", most: int | None = None) -> list[Person]:
    """Everybody, for the operator; after: a login, those that follow it; most: so many."""
    wanted = select(table).where(table.c.login > after).order_by(table.c.login).limit(most)
    return [_person(row._mapping) for row in connection.execute(wanted)]


def of_any_state(connection: Connection, subject: str, *, hold: bool = False) -> Person | None:
    """The person, active or not; hold: whom nobody else changes before this transaction ends."""
    wanted = select(table).where(table.c.subject == subject)
    found = connection.execute(wanted.with_for_update() if hold else wanted).one_or_none()
    return None if found is None else _person(found._mapping)


def add(
    connection: Connection,
    login: str,
    name: str,
    roles: Sequence[str],
    now: int,
    *,
    fhir_user: str | None = None,
    organization: str | None = None,
    patients: Sequence[str] = (),
) -> Person:
    """A new person, who cannot sign in before they have a password. Raises UnusablePerson."""
    login = folded(login)
    if not 3 <= len(login) <= 100 or not login.isprintable():
        raise UnusablePerson("login: 3 to 100 printable characters")
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise UnusablePerson("name: 1 to 200 printable characters")
    if by_login(connection, login):
        raise UnusablePerson("login: somebody has it already")
    values = _described(roles, fhir_user, organization, patients)
    subject = secrets.token_urlsafe(16)
    row = {"subject": subject, "login": login, "name": name.strip(), "created": now} | values
    connection.execute(insert(table).values(**row))
    found = find(connection, subject)
    assert found is not None
    return found


def change(
    connection: Connection,
    person: Person,
    roles: Sequence[str],
    now: int,
    *,
    fhir_user: str | None,
    organization: str | None,
    patients: Sequence[str],
) -> None:
    """Says anew what the person is here, and ends what they had. Raises UnusablePerson."""
    _alter(connection, person, now, **_described(roles, fhir_user, organization, patients))


def _described(
    roles: Sequence[str], fhir_user: str | None, organization: str | None, patients: Sequence[str]
) -> dict[str, Any]:
    if not roles or not set(roles) <= set(ROLES):
        raise UnusablePerson(f"roles: one or more of {', '.join(ROLES)}")
    if fhir_user is not None and not _reference(fhir_user, USERS):
        raise UnusablePerson(f"fhirUser: a reference such as Practitioner/1, of {', '.join(USERS)}")
    if organization is not None and not _reference(organization, ("Organization",)):
        raise UnusablePerson("organization: a reference such as Organization/1")
    if not all(ID.fullmatch(one) for one in patients):
        raise UnusablePerson("patients: ids of Patient resources")
    return {
        "roles": sorted(set(roles)), "fhir_user": fhir_user, "organization": organization,
        "patients": list(dict.fromkeys(patients)),
    }  # fmt: skip


def _reference(text: str, types: Sequence[str]) -> bool:
    found = REFERENCE.fullmatch(text)
    return found is not None and found[1] in types


def set_password(connection: Connection, person: Person, password: str, now: int) -> None:
    """A new password; it ends what they had. Raises UnusablePerson."""
    reason = passwords.unusable(password, (person.login, person.name))
    if reason is not None:
        raise UnusablePerson(
            f"password: too {reason}; {passwords.SHORTEST} characters or more, none of the common ones"
        )
    _alter(connection, person, now, password_hash=passwords.hashed(password))


def new_password() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(15)


def switch(connection: Connection, person: Person, active: bool, now: int) -> None:
    """Lets somebody in again, or no longer: then all they had ends."""
    _alter(connection, person, now, active=active)


def _alter(connection: Connection, person: Person, now: int, **values: Any) -> None:
    connection.execute(update(table).where(table.c.subject == person.subject).values(**values))
    sign_out(connection, person, now)


def sign_out(connection: Connection, person: Person, now: int) -> None:
    """Ends all they have open: sessions, grants, tokens."""
    connection.execute(delete(session).where(session.c.subject == person.subject))
    own = update(granted).where(granted.c.subject == person.subject, granted.c.ended_at.is_(None))
    connection.execute(own.values(ended_at=now, ended_by="person"))
    revoke(connection, f"subject:{person.subject}")
