"""What the handlers of pages share: the server's parts, its tables, the clock, and who is there."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine

from smart_auth import clients, requests, sessions
from smart_auth.happened import Happened
from smart_auth.server import Parts
from smart_auth.sessions import Session
from smart_auth.visits import Page, Visit, cookie, cookie_name, html
from smart_auth.words import WORDS

SESSION, FORM = "session", "form"
"""Cookies."""
_TO = re.compile(r"[a-z][a-z/-]{0,60}")


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in the same time."""
    return bool(one) and hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a browser's request is dealt with."""

    parts: Parts
    engine: Engine
    now: Callable[[], float]

    def note(
        self, connection: Connection, visit: Visit, what: str, status: int, subject: str = "", **more: str
    ) -> None:
        """Tells the audit trail. more: client, grant."""
        self.parts.note(connection, Happened(what, status, subject, address=visit.address, **more))

    def time(self) -> int:
        """Seconds since 1970."""
        return int(self.now())

    def cookie(self, visit: Visit, name: str) -> str:
        """The value of a cookie of this server; empty if there is none."""
        return visit.cookies.get(cookie_name(self.parts.site, name), "")

    def session(self, connection: Connection, visit: Visit) -> Session | None:
        """Who is signed in."""
        found = self.any_session(connection, visit)
        return None if found is None or found.waiting else found

    def any_session(self, connection: Connection, visit: Visit) -> Session | None:
        """Who is signed in, or has shown a password and is to show a second factor."""
        return sessions.find(connection, self.cookie(visit, SESSION), self.time())

    def onward(self, visit: Visit) -> str:
        """Where a form leads: to the request it belongs to, or to a page below the issuer."""
        carried, to = visit.first("continue"), visit.first("to")
        if carried:
            return f"{self.parts.site.issuer}/authorize?{urlencode({'continue': carried})}"
        return f"{self.parts.site.issuer}/{to if _TO.fullmatch(to) else 'account'}"

    def sign_in_url(self, visit: Visit, page: str = "sign-in") -> str:
        """A page on the way there."""
        carried = {name: visit.first(name) for name in ("continue", "to") if visit.first(name)}
        return f"{self.parts.site.issuer}/{page}{'?' if carried else ''}{urlencode(carried)}"

    def leads_to(self, connection: Connection, visit: Visit) -> str:
        """The redirect URI to which the forms of a page may lead; empty if there is none."""
        carried = visit.first("continue")
        waiting = requests.find(connection, carried, self.time()) if carried else None
        return waiting.redirect_uri if waiting else ""

    def genuine(self, visit: Visit, session: Session) -> bool:
        """Whether a form was sent from a page of this session."""
        return not visit.foreign and same(session.form, visit.first("form"))

    def page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> Page:
        """A page of this server."""
        return html(visit, self.parts.site, template, status, **values)

    def error(self, visit: Visit, reason: str = "", *, status: int = 400, over: bool = False) -> Page:
        """The page for what cannot go on; nobody is redirected."""
        return self.page(visit, "error.html", status, reason=reason, over=over)

    def sign_in(
        self, visit: Visit, connection: Connection, problem: str = "", status: int = 200, *, wait: int = 0
    ) -> Page:
        """The page to sign in on, with what it is for."""
        carried, to = visit.first("continue"), visit.first("to")
        waiting = requests.find(connection, carried, self.time()) if carried else None
        app, leads_to = "", ""
        if waiting is not None:
            found = clients.find(connection, dict(waiting.parameters)["client_id"])
            app, leads_to = found.name if found else "", waiting.redirect_uri
        form = self.cookie(visit, FORM) or secrets.token_urlsafe(32)
        words = WORDS[visit.language]
        return self.page(
            visit, "sign_in.html", status, leads_to=leads_to,
            headers=[("Retry-After", str(wait))] if wait else (),
            cookies=[cookie(self.parts.site, FORM, form)],
            problem=words[problem].format(wait) if problem else "",
            app=app, form=form, login=visit.first("login")[:100], to=to,
            carried=carried,
        )  # fmt: skip
