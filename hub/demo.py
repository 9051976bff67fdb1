"""People to try the hub with: made once, on the sample data, their passwords and second factors printed that once."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from hub.authorization import tables
from hub.compose import server
from hub.sealing_key import seal
from hub.settings import Settings
from smart_auth import factors, people
from smart_auth.people import Person
from smart_auth.scopes import UNRESTRICTED
from smart_auth.seal import Seal

STAFF: tuple[tuple[str, str, str], ...] = (
    ("dr.lima", "Dr. Paulo Lima", "physician"),
    ("enf.rosa", "Rosa Dias", "nurse"),
    ("farm.alves", "Davi Alves", "pharmacist"),
    ("cent.prado", "Júlia Prado", "service-desk"),
    ("coord.paes", "Ivo Paes", "coordinator"),
    ("aud.melo", "Dra. Inês Melo", "medical-auditor"),
    ("seg.reis", "Caio Reis", "security-officer"),
    ("priv.nunes", "Lia Nunes", "privacy-officer"),
    ("op.braga", "Rui Braga", "operator"),
    ("op.costa", "Bia Costa", "operator operator-unmask"),
)
"""Login, name, roles."""
_LOCK = text("select pg_advisory_xact_lock(:key)")
LOCK = 4_611_686_018_427_387_851
"""Advisory lock of whoever makes them, so that two starts at once do not both."""


def make(settings: Settings, url: str, say: Callable[[str], None]) -> None:
    """Makes them where there is nobody yet. Raises KeyUnusable."""
    with tables(url) as connection:
        connection.execute(_LOCK, {"key": LOCK})
        if people.listed(connection):
            return
        lines = _people(connection, seal(settings), asyncio.run(_sample(settings, url)), int(time.time()))
    say(_printed(settings, lines))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Ids of what the record has for them; empty where it has none."""

    patients: list[str]
    """The oldest and the youngest."""
    practitioners: list[str]
    organizations: list[str]


async def _sample(settings: Settings, url: str) -> _Sample:
    fhir = server(settings, url)
    try:
        return _Sample(
            [*await _ids(fhir, "Patient", "birthdate", 1), *await _ids(fhir, "Patient", "-birthdate", 1)],
            await _ids(fhir, "Practitioner", "_id", len(STAFF)),
            await _ids(fhir, "Organization", "_id", 1),
        )
    finally:
        fhir.store.close()


async def _ids(fhir: Server, kind: str, sort: str, most: int) -> list[str]:
    query = [("_sort", sort), ("_count", str(most)), ("_elements", "id")]
    answer = await perform(fhir, FhirRequest("GET", (kind,), query, {}, UNRESTRICTED, base=fhir.base))
    return [entry["resource"]["id"] for entry in json.loads(answer.body or b"{}").get("entry", ())]


def _people(connection: Connection, sealing: Seal, sample: _Sample, now: int) -> list[tuple[str, str, str, str]]:
    """(login, password, role, key of the second factor) of everybody, made."""
    made = []
    own, ward = sample.patients[:1], sample.patients[1:]
    for login, name, role, patients in (
        ("ana", "Ana (sample patient)", "member", own),
        ("rui", "Rui (guardian of a sample patient)", "guardian", ward),
    ):
        user = f"Patient/{own[0]}" if own and role == "member" else None
        person = people.add(connection, login, name, [role], now, fhir_user=user, patients=patients)
        made.append((login, _password(connection, person, now), role, ""))
    at = f"Organization/{sample.organizations[0]}" if sample.organizations else None
    for place, (login, name, roles) in enumerate(STAFF):
        user = f"Practitioner/{sample.practitioners[place]}" if place < len(sample.practitioners) else None
        person = people.add(connection, login, name, roles.split(), now, fhir_user=user, organization=at)
        password = _password(connection, person, now)
        made.append((login, password, roles, factors.give(connection, sealing, person, now)[0]))
    return made


def _password(connection: Connection, person: Person, now: int) -> str:
    password = secrets.token_urlsafe(12)
    people.set_password(connection, person, password, now)
    return password


def _printed(settings: Settings, made: list[tuple[str, str, str, str]]) -> str:
    rows = "\n".join(f"  {login:<11} {password}  {role:<16} {key}".rstrip() for login, password, role, key in made)
    return f"""
Demo people, printed this once: login, password, role, key for an authenticator app. They sign in at
{settings.authorization}/sign-in; `hub user password LOGIN --generate` makes a new password.

{rows}
"""
