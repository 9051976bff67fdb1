"""Signing in and out. Unknown accounts and wrong passwords get the same answer in the same time.

https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
"""

from __future__ import annotations

import base64
import binascii
import secrets

from sqlalchemy import Connection

from smart_auth import clients, factors, guesses, limits, notice_page, passwords, people, requests, sessions
from smart_auth.desk import SESSION, Desk, same
from smart_auth.happened import SIGN_IN, SIGN_OUT
from smart_auth.seal import SealError
from smart_auth.visits import Page, Visit, cookie, redirect

FORM = "form"
"""A cookie of a browser in which nobody has signed in yet: forms must carry its value."""
DEVICE = "device"
"""A cookie by which a browser is known in which this person signed in before."""
DEVICE_SECONDS = 180 * 24 * 3600


def show(desk: Desk, visit: Visit) -> Page:
    """GET: the form."""
    with desk.engine.begin() as connection:
        return _form(desk, visit, connection)


def _form(
    desk: Desk, visit: Visit, connection: Connection, problem: str = "", status: int = 200, *, wait: int = 0
) -> Page:
    """The page to sign in on, with what it is for."""
    waiting = desk.under_way(connection, visit)
    app = clients.find(connection, dict(waiting.parameters)["client_id"]) if waiting else None
    form = desk.cookie(visit, FORM) or secrets.token_urlsafe(32)
    return desk.page(
        visit, "sign_in.html", status, leads_to=waiting.redirect_uri if waiting else "", problem=problem, wait=wait,
        cookies=[cookie(desk.parts.site, FORM, form)], app=app.name if app else "", form=form,
        login=visit.first("login")[:100], to=visit.first("to"), carried=visit.carried,
    )  # fmt: skip


def sign_in(desk: Desk, visit: Visit) -> Page:
    """POST: login and password."""
    login, password = people.folded(visit.first("login")), visit.first("password")
    counted = f"sign-in:{visit.address}"
    with desk.engine.begin() as connection:
        if visit.foreign or not same(desk.cookie(visit, FORM), visit.first("form")):
            return _form(desk, visit, connection, "expired_form", 400)
        now = desk.time()
        kind, whose = _guessed(desk, visit, login)
        wait = limits.wait(connection, counted, limits.SIGN_INS_PER_MINUTE, now)
        wait = wait or guesses.wait(connection, kind, whose, now)
        if wait:
            return _form(desk, visit, connection, "wait", 429, wait=wait)
        person = people.by_login(connection, login)
    # Outside of any transaction: it takes long, and connections are few.
    right = passwords.verified(person.password_hash if person else None, password)
    with desk.engine.begin() as connection:
        found = people.find(connection, person.subject) if person else None
        # Changed while we looked: then it was the old password.
        if not right or found is None or person is None or found.password_hash != person.password_hash:
            desk.note(connection, visit, SIGN_IN, 400, person.subject if person else "")
            return _form(desk, visit, connection, "wrong", 400)
        desk.note(connection, visit, SIGN_IN, 200, found.subject)
        guesses.forget(connection, kind, whose)
        limits.refund(connection, counted)
        before = desk.any_session(connection, visit)
        waiting = factors.needed(connection, found)
        made, sid = sessions.start(connection, found.subject, ["pwd"], desk.time(), before, waiting=waiting)
        if not waiting:
            requests.proved(connection, visit.carried, sid, desk.time())
        onward = notice_page.onward(desk, visit, connection, found.subject)
    site, seal = desk.parts.site, desk.parts.seal
    device = base64.urlsafe_b64encode(seal.close(login.encode(), DEVICE)).decode().rstrip("=")
    cookies = [cookie(site, SESSION, made), cookie(site, DEVICE, device, DEVICE_SECONDS), cookie(site, FORM, "")]
    return redirect(desk.sign_in_url(visit, "second-factor") if waiting else onward, cookies)


def _guessed(desk: Desk, visit: Visit, login: str) -> tuple[str, str]:
    """Whose tries these are: of the account, or of a browser in which it was signed in to before."""
    device = desk.cookie(visit, DEVICE)
    try:
        known = desk.parts.seal.open(base64.urlsafe_b64decode(device + "==="), DEVICE).decode()
    except (SealError, binascii.Error, ValueError):
        known = ""
    return ("device", device) if device and known == login else ("login", login)


def sign_out(desk: Desk, visit: Visit) -> Page:
    """POST: ends the session, and what was granted for its time."""
    with desk.engine.begin() as connection:
        session = desk.any_session(connection, visit)
        if session is not None:
            if not desk.genuine(visit, session):
                return desk.error(visit, "form")
            sessions.end(connection, session, desk.time())
            desk.note(connection, visit, SIGN_OUT, 200, session.person.subject)
    gone = [cookie(desk.parts.site, SESSION, "")]
    return redirect(desk.onward(visit) if visit.carried else f"{desk.parts.site.issuer}/sign-in", gone)


def account(desk: Desk, visit: Visit) -> Page:
    """GET: who is signed in."""
    with desk.engine.begin() as connection:
        session = desk.session(connection, visit)
    if session is None:
        return redirect(f"{desk.parts.site.issuer}/sign-in")
    return desk.page(visit, "account.html", person=session.person.name, session_form=session.form)
