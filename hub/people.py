"""`hub user`: the operator's side of people who sign in."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from hub.authorization import tables
from hub.sealing_key import seal
from hub.security_events import by_operator
from hub.settings import Settings
from hub.tokens import Refused
from smart_auth import factors, people
from smart_auth.happened import PERSON_CHANGED
from smart_auth.people import Person, UnusablePerson


def user(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """One of these commands. Raises Refused."""
    password = _password(chosen) if chosen.do == "password" else None
    with tables(url) as connection:
        try:
            if chosen.do == "list":
                for one in people.listed(connection):
                    print(_line(one))
            elif chosen.do == "add":
                found = people.add(connection, chosen.login, chosen.name, chosen.roles, _now(), **_more(chosen))
                by_operator(settings, connection, PERSON_CHANGED, f"User/{found.subject}")
                print(f"Added: {found.login}, subject {found.subject}. Next: hub user password {found.login}")
            else:
                _alter(settings, connection, chosen, password)
        except UnusablePerson as error:
            raise Refused(str(error)) from None
    if password is not None and chosen.generate:
        print(password)


def _alter(settings: Settings, connection: Connection, chosen: argparse.Namespace, password: str | None) -> None:
    person = people.by_login(connection, chosen.login)
    if person is None:
        raise Refused("there is nobody with this login")
    if password is not None:
        people.set_password(connection, person, password, _now())
    elif chosen.do == "change":
        people.change(connection, person, chosen.roles, _now(), **_more(chosen))
    elif chosen.do == "totp":
        print_factor(person.login, *factors.give(connection, seal(settings), person, _now()))
    elif chosen.do == "no-factor":
        factors.take(connection, person, _now())
    else:
        people.switch(connection, person, chosen.do == "on", _now())
    by_operator(settings, connection, PERSON_CHANGED, f"User/{person.subject}")
    print(f"Done: {person.login}")


def print_factor(login: str, secret: str, codes: Sequence[str]) -> None:
    """What the owner of a second factor needs, this once."""
    print(f"Key for an authenticator app: {secret}")
    print(f"The same as a link: {factors.address(secret, login, 'AUSTA Care Platform')}")
    print(f"Recovery codes: {' '.join(codes)}")


def _more(chosen: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(chosen, name) for name in ("fhir_user", "organization", "patients")}


def _now() -> int:
    return int(time.time())


def _password(chosen: argparse.Namespace) -> str:
    """From the terminal or standard input, never from the command line, which others can read."""
    if chosen.generate:
        return people.new_password()
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise Refused("the two are not the same")
    return first


def _line(person: Person) -> str:
    parts = [person.login, person.name, ",".join(person.roles), person.fhir_user or "-", person.organization or "-"]
    state = [] if person.active else ["(off)"]
    if person.password_hash is None:
        state.append("(no password)")
    return "  ".join([*parts, ",".join(person.patients) or "-", *state])
