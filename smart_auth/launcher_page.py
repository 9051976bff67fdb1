"""For developers of apps: launches one from inside, as whoever is signed in, with a patient of their choice.

{issuer}/launcher, outside production only.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection

from smart_auth import clients, launches, patient_choice
from smart_auth.client_metadata import CODE, redirect_fault
from smart_auth.clients import Client
from smart_auth.desk import Desk
from smart_auth.sessions import Session
from smart_auth.visits import Page, Visit


def show(desk: Desk, visit: Visit) -> Page:
    """GET: the choice of app and patient."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "launcher")
        apps = _apps(connection)
    if isinstance(session, Page):
        return session
    return _page(desk, visit, session, apps)


def launch(desk: Desk, visit: Visit) -> Page:
    """POST: the URL that launches the app; for five minutes, once."""
    with desk.engine.begin() as connection:
        session = desk.signed_in(connection, visit, "launcher")
        apps = _apps(connection)
    if isinstance(session, Page):
        return session
    app = next((one for one in apps if one.client_id == visit.first("client_id")), None)
    url, patient, site = (
        visit.first("url").strip() or (launch_url(app) if app else ""),
        visit.first("patient"),
        desk.parts.site,
    )
    if app is None or not _its_own(app, url):
        return _page(desk, visit, session, apps, problem="launch_elsewhere")
    if patient_choice.may_choose(desk.parts.search, session.person, site, app.client_id, patient) is None:
        return _page(desk, visit, session, apps, problem="no_choice")
    with desk.engine.begin() as connection:
        context = launches.checked(patient, None, (), True, None)
        value = launches.make(connection, app.client_id, session.person.subject, context, desk.time())
    mark = "&" if "?" in url else "?"
    ready = f"{url}{mark}{urlencode({'iss': site.fhir_base, 'launch': value})}"
    return _page(desk, visit, session, apps, ready=ready, app=app.name)


def launch_url(app: Client) -> str:
    """Where an app probably begins: beside where it ends up."""
    return f"{app.redirect_uris[0].partition('?')[0].rpartition('/')[0]}/launch"


def _its_own(app: Client, url: str) -> bool:
    """Whether a URL is where the app is registered: what is launched elsewhere would be a stranger's."""
    place = urlsplit(url)[:2]
    return redirect_fault(url, native=True) is None and any(urlsplit(one)[:2] == place for one in app.redirect_uris)


def _apps(connection: Connection) -> list[Client]:
    """Those that can be launched from inside."""
    found = (one for one in clients.listed(connection) if one.active and CODE in one.grant_types)
    return [one for one in found if "launch" in one.scope.split()]


def _page(
    desk: Desk, visit: Visit, session: Session, apps: list[Client], *, problem: str = "", ready: str = "", app: str = ""
) -> Page:
    search, site, find = desk.parts.search, desk.parts.site, visit.first("find")[:100]
    patients = patient_choice.offered(search, session.person, site, "launcher", find)
    return desk.page(
        visit, "launcher.html", 400 if problem else 200, apps=[(one, launch_url(one)) for one in apps], app=app,
        patients=patients, find=find, staff=session.person.staff, person=session.person.name, ready=ready,
        session_form=session.form, problem=problem,
    )  # fmt: skip
