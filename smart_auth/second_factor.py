"""The page for the second factor: the first time to set one up, then to show it, at sign-in and for a step-up.

https://cheatsheetseries.owasp.org/cheatsheets/Multifactor_Authentication_Cheat_Sheet.html
"""

from __future__ import annotations

from sqlalchemy import Connection

from smart_auth import factors, guesses, notice_page, requests, security_keys, sessions
from smart_auth.desk import SESSION, Desk
from smart_auth.happened import FACTOR_ADDED, SECOND_FACTOR
from smart_auth.sessions import Session
from smart_auth.visits import Page, Visit, cookie, redirect
from smart_auth.words import WORDS


def show(desk: Desk, visit: Visit) -> Page:
    """GET: the form."""
    with desk.engine.begin() as connection:
        session = desk.any_session(connection, visit)
        if session is None:
            return redirect(desk.sign_in_url(visit))
        return _form(desk, visit, connection, session)


def _form(
    desk: Desk, visit: Visit, connection: Connection, session: Session, problem: str = "", status: int = 200, *,
    wait: int = 0,
) -> Page:  # fmt: skip
    secret = address = ""
    if not factors.has(connection, session.person):
        secret = factors.offer(connection, desk.parts.seal, session.person, desk.time())
        address = factors.address(secret, session.person.login, WORDS[visit.language]["product"])
    options = ""
    if security_keys.credentials(connection, session.person):
        given = sessions.challenge(connection, session.sid, desk.time())
        options = security_keys.request(connection, desk.parts.site, session.person, given)
    return desk.page(
        visit, "second_factor.html", status, scripts=bool(options), options=options,
        leads_to=desk.leads_to(connection, visit), problem=problem, wait=wait, secret=secret, address=address,
        session_form=session.form, carried=visit.carried, to=visit.first("to"),
    )  # fmt: skip


def check(desk: Desk, visit: Visit) -> Page:
    """POST: the code."""
    code = visit.first("code")[:40]
    with desk.engine.begin() as connection:
        session = desk.any_session(connection, visit)
        if session is None:
            return redirect(desk.sign_in_url(visit))
        if not desk.genuine(visit, session):
            return desk.error(visit, "form")
        person, now, seal = session.person, desk.time(), desk.parts.seal
        wait = guesses.wait(connection, "factor", person.subject, now)
        if wait:
            return _form(desk, visit, connection, session, "wait", 429, wait=wait)
    with desk.engine.begin() as connection:
        codes: list[str] | None = None
        methods: tuple[str, ...] | None = None
        if visit.first("credential"):
            given = sessions.challenged(connection, session.sid, now)
            sent, site = visit.first("credential"), desk.parts.site
            if given is not None and security_keys.proven(connection, site, person, sent, given):
                methods = security_keys.METHODS
        elif factors.has(connection, person):
            methods = factors.proven(connection, seal, person, code, now)
        else:
            codes = factors.confirm(connection, seal, person, code.replace(" ", ""), now)
            methods = ("otp", "mfa") if codes is not None else None
        if methods is None or not sessions.holds(connection, session.sid):
            desk.note(connection, visit, SECOND_FACTOR, 400, person.subject)
            return _form(desk, visit, connection, session, "wrong_code", 400)
        desk.note(connection, visit, FACTOR_ADDED if codes is not None else SECOND_FACTOR, 200, person.subject)
        guesses.forget(connection, "factor", person.subject)
        made, sid = sessions.start(connection, person.subject, ("pwd", *methods), now, session, factor_time=now)
        requests.proved(connection, visit.carried, sid, now)
        leads_to = desk.leads_to(connection, visit)
        onward = notice_page.onward(desk, visit, connection, person.subject)
    cookies = [cookie(desk.parts.site, SESSION, made)]
    if codes is None:
        return redirect(onward, cookies)
    return desk.page(visit, "recovery.html", cookies=cookies, leads_to=leads_to, codes=codes, onward=onward)


def show_key(desk: Desk, visit: Visit) -> Page:
    """GET: the page to add a security key on, for whoever has just shown a second factor."""
    with desk.engine.begin() as connection:
        session = _stepped_up(desk, visit, connection)
        return session if isinstance(session, Page) else _key_form(desk, visit, connection, session)


def _stepped_up(desk: Desk, visit: Visit, connection: Connection) -> Session | Page:
    session = desk.signed_in(connection, visit, "security-key")
    if isinstance(session, Page) or factors.fresh(session.factor_time, desk.time()):
        return session
    return redirect(f"{desk.parts.site.issuer}/second-factor?to=security-key")


def _key_form(
    desk: Desk, visit: Visit, connection: Connection, session: Session, problem: str = "", status: int = 200
) -> Page:
    given = sessions.challenge(connection, session.sid, desk.time())
    options = security_keys.registration(connection, desk.parts.site, session.person, given)
    return desk.page(
        visit, "security_key.html", status, scripts=True, options=options, session_form=session.form,
        problem=problem,
    )  # fmt: skip


def add_key(desk: Desk, visit: Visit) -> Page:
    """POST: the key that the browser made."""
    with desk.engine.begin() as connection:
        session = _stepped_up(desk, visit, connection)
        if isinstance(session, Page):
            return session
        now, site = desk.time(), desk.parts.site
        given, sent = sessions.challenged(connection, session.sid, now), visit.first("credential")
        if given is None or not security_keys.register(connection, site, session.person, sent, given, now):
            return _key_form(desk, visit, connection, session, "key_failed", 400)
        desk.note(connection, visit, FACTOR_ADDED, 200, session.person.subject)
    return redirect(f"{site.issuer}/account")
