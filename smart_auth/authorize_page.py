"""The authorization endpoint and the consent page, as a browser goes through them.

https://hl7.org/fhir/smart-app-launch/app-launch.html https://www.rfc-editor.org/rfc/rfc6749#section-4.1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection

from smart_auth import (
    authorize,
    clients,
    codes,
    encounter_choice,
    factors,
    grants,
    launches,
    limits,
    patient_choice,
    requests,
    scope_words,
    sessions,
)
from smart_auth.authorize import Asked, NoRedirect, Refused
from smart_auth.desk import Desk
from smart_auth.encounter_choice import Encounter
from smart_auth.happened import GRANT
from smart_auth.launches import NOTHING, Context
from smart_auth.patient_choice import Choice
from smart_auth.requests import UnderWay
from smart_auth.scopes import Scopes
from smart_auth.sessions import LONGEST, Session
from smart_auth.visits import Page, Visit, redirect
from smart_auth.words import WORDS


@dataclass(frozen=True, slots=True)
class _Step:
    """A request whose person is there."""

    asked: Asked
    session: Session
    context: Context
    scopes: Scopes
    """What the person may grant of it."""


def authorize_endpoint(desk: Desk, visit: Visit) -> Page:
    """GET, POST: a new request, stored; GET with `continue`: one under way."""
    parameters = visit.form if visit.method == "POST" else visit.query
    if visit.method == "POST" and visit.query:
        return desk.error(visit, "parameters belong into the body, or into the URL, not into both")
    if visit.method == "GET" and any(name == "continue" for name, _ in visit.query):
        return _go_on(desk, visit, visit.carried)
    with desk.engine.begin() as connection:
        wait = limits.wait(connection, f"authorize:{visit.address}", limits.REQUESTS_PER_MINUTE, desk.time())
        if wait:
            return desk.error(visit, "too many requests from this address; wait a minute", status=429)
        try:
            asked = _read(desk, connection, parameters)
        except NoRedirect as error:
            return desk.error(visit, str(error))
        except Refused as error:
            return redirect(authorize.refusal_url(desk.parts.site, error))
        value = requests.put(connection, parameters, asked.redirect_uri, desk.time())
    return redirect(f"{desk.parts.site.issuer}/authorize?{urlencode({'continue': value})}")


def _read(desk: Desk, connection: Connection, parameters: requests.Parameters) -> Asked:
    parts = desk.parts
    return authorize.read(parameters, lambda id: clients.find(connection, id), parts.site, parts.known)


def _go_on(desk: Desk, visit: Visit, value: str) -> Page:
    """What comes next: signing in, the consent page, or the answer."""
    site = desk.parts.site
    try:
        with desk.engine.begin() as connection:
            waiting = requests.find(connection, value, desk.time())
            if waiting is None:
                return desk.error(visit, over=True)
            asked = _read(desk, connection, waiting.parameters)
            session = desk.session(connection, visit)
            if session is None or not _fresh(asked, session, waiting, desk.time()):
                if "none" in asked.prompt:
                    raise asked.refused("login_required", "nobody is signed in, or not recently enough")
                return redirect(desk.sign_in_url(visit))
            if _steps_up(asked, session, desk.time()):
                if not factors.has(connection, session.person):
                    raise asked.refused("unmet_authentication_requirements", "the person has no second factor")
                if "none" in asked.prompt:
                    raise asked.refused("login_required", "the second factor is to be shown")
                return redirect(desk.sign_in_url(visit, "second-factor"))
            step = _step(desk, connection, asked, session)
        return _ask(desk, visit, value, step)
    except NoRedirect as error:
        return desk.error(visit, str(error))
    except Refused as error:
        with desk.engine.begin() as connection:
            requests.take(connection, value, desk.time())
        return redirect(authorize.refusal_url(site, error))


def _fresh(asked: Asked, session: Session, waiting: UnderWay, now: int) -> bool:
    """Whether the person proved who they are as lately as is asked."""
    if waiting.proved == session.sid:
        return True
    if {"login", "select_account"} & asked.prompt:
        return False
    return asked.max_age is None or now - session.auth_time < asked.max_age


def _steps_up(asked: Asked, session: Session, now: int) -> bool:
    """Whether the second factor is to be shown first: asked for alone (acr_values=2), and not shown just now."""
    return asked.acr_values == ("2",) and not factors.fresh(session.factor_time, now)


def _step(desk: Desk, connection: Connection, asked: Asked, session: Session) -> _Step:
    """Raises Refused where the launch is not this person's and app's, or nothing can be granted."""
    context = NOTHING
    if asked.launch is not None:
        found = launches.find(connection, asked.launch, asked.client.client_id, session.person.subject, desk.time())
        if found is None:
            raise asked.refused("invalid_request", "launch: unknown, over, used, or made for another app or person")
        context = found
    scopes = authorize.grantable(asked, session.person, context)
    if authorize.worth_nothing(scopes):
        raise asked.refused("invalid_scope", "scope: nothing in it can be granted by this person")
    return _Step(asked, session, context, scopes)


def _ask(desk: Desk, visit: Visit, value: str, step: _Step) -> Page:
    """The consent page, or the answer where it needs no asking. Raises Refused."""
    asked, session, context, site = step.asked, step.session, step.context, desk.parts.site
    person, client_id, search = session.person, asked.client.client_id, desk.parts.search
    picker, choices = "none", []
    find = visit.first("find")[:100]
    if context.patient is not None:
        picker = "launch"
        found = patient_choice.may_choose(search, person, site, client_id, context.patient)
        choices = [found] if found else []
    elif _to_choose(step, step.scopes):
        picker = "search" if person.staff else "own"
        choices = patient_choice.offered(search, person, site, client_id, find)
    only = _only(picker, choices)
    with desk.engine.begin() as connection:
        if picker != "search" and _agreed(desk, connection, step, only):
            page = _grant(desk, visit, connection, value, None, step, step.scopes, only)
            return page or desk.error(visit, over=True)
        if "none" in asked.prompt:
            raise asked.refused("consent_required", "the person has to be asked")
        form = requests.show(connection, value, session.sid, desk.time())
    words = WORDS[visit.language]
    items = scope_words.items(step.scopes, visit.language)
    levels = [
        (level, words[f"{level}_level"])
        for level in ("patient", "user", "more")
        if any(item.level == level for item in items)
    ]
    return desk.page(
        visit, "consent.html", leads_to=asked.redirect_uri, app=asked.client.name, picker=picker, choices=choices,
        find=find, items=items, levels=levels, form=form, session_form=session.form, person=person.name,
        goes_to=_host(asked.redirect_uri), carried=value,
    )  # fmt: skip


def _to_choose(step: _Step, scopes: Scopes) -> bool:
    """Whether a patient is to be chosen, for their own sake or because an encounter is theirs."""
    return authorize.needs_patient(scopes) or authorize.needs_encounter(step.asked, scopes)


def _ask_encounter(
    desk: Desk, visit: Visit, step: _Step, patient: str, ticked: Sequence[str], choices: Sequence[Encounter]
) -> Page:
    """The second page of consent, for an app that asks for an encounter: which of the patient's."""
    with desk.engine.begin() as connection:
        form = requests.show(connection, visit.carried, step.session.sid, desk.time())
    return desk.page(
        visit, "encounter.html", leads_to=step.asked.redirect_uri, app=step.asked.client.name, choices=choices,
        patient=patient, ticked=ticked, form=form, carried=visit.carried,
    )  # fmt: skip


def _only(picker: str, choices: list[Choice]) -> str | None:
    return choices[0].id if len(choices) == 1 and picker in ("launch", "own") else None


def _agreed(desk: Desk, connection: Connection, step: _Step, patient: str | None) -> bool:
    """Whether earlier consent is enough: the same app, as much or more, the same patient; never offline."""
    asked = step.asked
    scopes = authorize.with_patient(step.scopes, patient)
    if (
        "consent" in asked.prompt
        or "offline_access" in scopes.others
        or authorize.needs_encounter(asked, scopes)
        or (authorize.needs_patient(step.scopes) and patient is None)
        or not authorize.may_be_silent(asked.client, asked.redirect_uri)
    ):
        return False
    subject, client_id = step.session.person.subject, asked.client.client_id
    return grants.agreed(connection, subject, client_id, patient, scopes, desk.time(), desk.parts.known)


def _host(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return parts.netloc or parts.scheme


def consent(desk: Desk, visit: Visit) -> Page:
    """POST: what the person says."""
    value = visit.carried
    with desk.engine.begin() as connection:
        session = desk.session(connection, visit)
        waiting = requests.find(connection, value, desk.time())
        if session is None or waiting is None or visit.foreign:
            return desk.error(visit, over=True)
        try:
            asked = _read(desk, connection, waiting.parameters)
            step = _step(desk, connection, asked, session)
        except NoRedirect as error:
            return desk.error(visit, str(error))
        except Refused as error:
            requests.take(connection, value, desk.time())
            return redirect(authorize.refusal_url(desk.parts.site, error))
    patient = step.context.patient
    if patient is None and _to_choose(step, step.scopes):
        patient = visit.first("patient") or None
    site, search, client_id = desk.parts.site, desk.parts.search, asked.client.client_id
    if patient is not None and not patient_choice.may_choose(search, session.person, site, client_id, patient):
        return desk.error(visit, "patient: not one that you may choose", status=403)
    marks = [text for name, text in visit.form if name == "scope"]
    ticked = scope_words.chosen(step.scopes, marks)
    if ticked is None:
        return desk.error(visit, "scope: not one that was shown")
    allowed, encounter = visit.first("decision") == "allow", None
    if allowed and patient is not None and authorize.needs_encounter(asked, ticked):
        encounter = visit.first("encounter") or None
        if not any(name == "encounter" for name, _ in visit.form):
            choices = encounter_choice.offered(search, session.person, site, client_id, patient)
            if choices:
                return _ask_encounter(desk, visit, step, patient, marks, choices)
        elif encounter is not None and not encounter_choice.may_choose(
            search, session.person, site, client_id, encounter, patient
        ):
            return desk.error(visit, "encounter: not one that you may choose", status=403)
    with desk.engine.begin() as connection:
        page = _grant(
            desk, visit, connection, value, visit.first("form"), step, ticked, patient, encounter, allowed=allowed
        )
    return page or desk.error(visit, over=True)


def _grant(
    desk: Desk, visit: Visit, connection: Connection, value: str, form: str | None, step: _Step, scopes: Scopes,
    patient: str | None, encounter: str | None = None, *, allowed: bool = True,
) -> Page | None:  # fmt: skip
    """The answer to the app, given once; None where it was given, or the form is not the one last shown."""
    asked, session, now, site = step.asked, step.session, desk.time(), desk.parts.site
    if not sessions.holds(connection, session.sid):
        return None
    if form is None:
        taken = requests.take(connection, value, now)
    else:
        taken = requests.answer(connection, value, session.sid, form, now)
    if not taken:
        return None
    known = patient if encounter or authorize.needs_patient(scopes) or step.context.patient is not None else None
    context = replace(step.context, patient=known, encounter=encounter or step.context.encounter)
    scopes = authorize.with_encounter(authorize.with_patient(scopes, patient), context)
    if not allowed or authorize.worth_nothing(scopes):
        desk.note(connection, visit, GRANT, 403, session.person.subject, client=asked.client.client_id)
        return redirect(authorize.refusal_url(site, asked.refused("access_denied", "the person did not allow it")))
    client_id, subject = asked.client.client_id, session.person.subject
    if asked.launch is not None and not launches.use(connection, asked.launch, client_id, subject, now):
        refused = asked.refused("invalid_request", "launch: was used meanwhile")
        return redirect(authorize.refusal_url(site, refused))
    offline = "offline_access" in scopes.others
    granted = grants.make(
        connection, client_id=client_id, subject=subject, scope=str(scopes), patient=known,
        context=context.asked(scopes.others).text(), sid=session.sid, auth_time=session.auth_time,
        methods=list(session.methods), offline=offline, created=now, used=now,
        expires=now + grants.LONGEST if offline else session.created + LONGEST,
    )  # fmt: skip
    desk.note(connection, visit, GRANT, 200, subject, client=client_id, grant=granted)
    code = codes.make(connection, granted, client_id, asked.redirect_uri, asked.challenge, asked.nonce, now)
    return redirect(authorize.answer_url(site, asked.redirect_uri, {"code": code, "state": asked.state}))
