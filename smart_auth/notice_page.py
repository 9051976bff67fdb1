"""The page on which people learn that an app's access was ended for their safety: after signing in, until they say so.

A refresh token that is used twice may have been stolen: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from smart_auth import clients, grants
from smart_auth.desk import Desk
from smart_auth.visits import Page, Visit, redirect
from smart_auth.words import PT


@dataclass(frozen=True, slots=True)
class Notice:
    """One grant that was ended."""

    app: str
    day: str


def notices(connection: Connection, subject: str) -> list[Notice]:
    """What the person does not know yet, newest first."""
    found = grants.unknown_ends(connection, subject)
    names = {one.client_id: one.name for one in clients.listed(connection)} if found else {}
    return [Notice(names.get(client, client), _day(ended)) for client, ended in found]


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def text(app: str, now: int) -> str:
    """The same as text, in Portuguese, for the record of a patient."""
    return f"{PT['notice_text'].format(app, _day(now))} {PT['notice_advice']}"


def onward(desk: Desk, visit: Visit, connection: Connection, subject: str) -> str:
    """Where signing in leads: by this page, if there is something to know."""
    known = not grants.unknown_ends(connection, subject)
    return desk.onward(visit) if known else desk.sign_in_url(visit, "notice")


def show(desk: Desk, visit: Visit) -> Page:
    """GET: what happened."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "notice")
        if isinstance(session, Page):
            return session
        found: Sequence[Notice] = notices(connection, session.person.subject)
        leads_to = desk.leads_to(connection, visit)
    if not found:
        return redirect(desk.onward(visit))
    return desk.page(
        visit, "notice.html", leads_to=leads_to, notices=found, session_form=session.form, carried=visit.carried,
        to=visit.first("to"), onward=desk.onward(visit),
    )  # fmt: skip


def acknowledge(desk: Desk, visit: Visit) -> Page:
    """POST: the person knows."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "notice")
        if isinstance(session, Page):
            return session
        grants.acknowledge(connection, session.person.subject, desk.time())
    return redirect(desk.onward(visit))
