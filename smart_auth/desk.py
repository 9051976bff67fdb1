"""What the handlers of pages share: the server's parts, its tables, the clock, and who is there."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine

from smart_auth import requests, sessions
from smart_auth.happened import Happened
from smart_auth.parts import Parts
from smart_auth.requests import UnderWay
from smart_auth.sessions import Session
from smart_auth.visits import Page, Visit, cookie_name, html, redirect
from smart_auth.words import WORDS

SESSION = "session"
"""A cookie."""
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
        to = visit.first("to")
        if visit.carried:
            return f"{self.parts.site.issuer}/authorize?{urlencode({'continue': visit.carried})}"
        return f"{self.parts.site.issuer}/{to if _TO.fullmatch(to) else 'account'}"

    def sign_in_url(self, visit: Visit, page: str = "sign-in") -> str:
        """A page on the way there."""
        carried = {name: visit.first(name) for name in ("continue", "to") if visit.first(name)}
        return f"{self.parts.site.issuer}/{page}{'?' if carried else ''}{urlencode(carried)}"

    def under_way(self, connection: Connection, visit: Visit) -> UnderWay | None:
        """The authorization request it belongs to, if it waits."""
        return requests.find(connection, visit.carried, self.time()) if visit.carried else None

    def leads_to(self, connection: Connection, visit: Visit) -> str:
        """The redirect URI to which the forms of a page may lead; empty if there is none."""
        waiting = self.under_way(connection, visit)
        return waiting.redirect_uri if waiting else ""

    def signed_in(self, connection: Connection, visit: Visit, to: str) -> Session | Page:
        """Who is signed in, a form being one of a page of theirs; else the answer. to: where signing in leads back."""
        session = self.session(connection, visit)
        if session is None:
            return redirect(f"{self.parts.site.issuer}/sign-in?{urlencode({'to': to})}")
        return session if visit.method != "POST" or self.genuine(visit, session) else self.error(visit, "form")

    def genuine(self, visit: Visit, session: Session) -> bool:
        """Whether a form was sent from a page of this session."""
        return not visit.foreign and same(session.form, visit.first("form"))

    def page(
        self, visit: Visit, template: str, status: int = 200, *, problem: str = "", wait: int = 0, **values: Any
    ) -> Page:
        """A page of this server. problem: key of the words for it; wait: seconds before another try."""
        told = WORDS[visit.language][problem].format(wait) if problem else ""
        headers = [("Retry-After", str(wait))] if wait else ()
        return html(visit, self.parts.site, template, status, headers=headers, problem=told, **values)

    def error(self, visit: Visit, reason: str = "", *, status: int = 400, over: bool = False) -> Page:
        """The page for what cannot go on; nobody is redirected."""
        return self.page(visit, "error.html", status, reason=reason, over=over)
