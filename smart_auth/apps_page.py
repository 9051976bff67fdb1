"""The page on which people see what apps may do in their name, and take it back. {issuer}/apps

https://hl7.org/fhir/smart-app-launch/conformance.html#metadata (management_endpoint)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from smart_auth import clients, grants, notice_page, patient_choice, scope_words
from smart_auth.desk import Desk
from smart_auth.grants import Granted
from smart_auth.patient_choice import Choice
from smart_auth.scope_words import Item
from smart_auth.scopes import parse
from smart_auth.visits import Page, Visit, redirect


@dataclass(frozen=True, slots=True)
class Allowed:
    """One grant, as it is shown."""

    patient: str
    """Name, or id where the name is not for this person to see; empty where none was chosen."""
    items: Sequence[Item]
    since: str
    used: str
    until: str
    offline: bool


@dataclass(frozen=True, slots=True)
class App:
    """One app, and all that it was allowed."""

    client_id: str
    name: str
    grants: Sequence[Allowed]


def show(desk: Desk, visit: Visit) -> Page:
    """GET: my apps, what they see, and when they last did."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "apps")
        if isinstance(session, Page):
            return session
        held = grants.of_person(connection, session.person.subject, desk.time())
        found = notice_page.notices(connection, session.person.subject)
        names = {one.client_id: one.name for one in clients.listed(connection)}
    own = patient_choice.own(desk.parts.search, session.person, desk.parts.site, "apps") if held else []
    apps = [
        App(id, names.get(id, id), [_allowed(desk, visit, one, own) for one in held if one.client_id == id])
        for id in dict.fromkeys(one.client_id for one in held)
    ]
    return desk.page(
        visit, "apps.html", apps=apps, person=session.person.name, session_form=session.form, notices=found,
        carried="", to="apps",
    )  # fmt: skip


def _allowed(desk: Desk, visit: Visit, granted: Granted, own: Sequence[Choice]) -> Allowed:
    patient = next((one.name for one in own if one.id == granted.patient), granted.patient or "")
    scopes = parse(granted.scope, desk.parts.known)
    return Allowed(
        patient, scope_words.items(scopes, visit.language), _day(granted.created), _day(granted.used),
        _day(granted.expires), granted.offline,
    )  # fmt: skip


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def withdraw(desk: Desk, visit: Visit) -> Page:
    """POST: takes back all that one app was allowed; its tokens end within seconds."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "apps")
        if isinstance(session, Page):
            return session
        grants.withdraw(connection, session.person.subject, visit.first("client_id"), desk.time())
    return redirect(f"{desk.parts.site.issuer}/apps")
