"""A served hub with a simulated WhatsApp, the desk, and people at it: for tests, and for pictures of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.apps.site import sign_in
from tests.attacks.browser import otp, person
from tests.attacks.caller import Caller
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub_process import free_port

NURSE, OTHER_NURSE, SERVICE = "enf.rosa", "enf.lia", "cent.prado"
PEOPLE = ((NURSE, "Rosa Dias", "nurse"), (OTHER_NURSE, "Lia Souza", "nurse"), (SERVICE, "Júlia Prado", "service-desk"))
"""Login, name, role."""


@dataclass
class Inbox:
    """What is served."""

    joined: Joined
    caller: Caller
    desk: str
    """URL of the app."""


@contextmanager
def serving(folder: Path, database: str, **more: str) -> Iterator[Inbox]:
    """Serves it on a database of its own. more: settings besides, by variable."""
    port = free_port()
    with joined_hub(folder, database, HUB_APPS_PORT=str(port), **more) as joined:
        caller = Caller(joined.hub, database, str(joined.settings.key))
        token = caller.token("system/Practitioner.cruds")
        for login, name, role in PEOPLE:
            id = login.replace(".", "-")
            given, _, family = name.partition(" ")
            own = {"resourceType": "Practitioner", "id": id, "name": [{"given": [given], "family": family}]}
            assert caller.get(f"Practitioner/{id}", token, "PUT", own).status in (200, 201)
            person(caller, login, role, fhir_user=f"Practitioner/{id}")
        yield Inbox(joined, caller, f"http://127.0.0.1:{port}/desk")
        caller.close()


def enter(inbox: Inbox, page: Page, login: str) -> str:
    """Signs in, second factor and all; the URL of the queue."""
    page.goto(f"{inbox.desk}/launch")
    if page.locator("#login").count():
        sign_in(page, login)
        page.fill("#code", otp(inbox.caller, login))
        page.click("button.main")
    allow = page.locator("button[value=allow]")
    expect(allow.or_(page.locator("#content")).first).to_be_visible()
    if allow.count():
        allow.click()
    expect(page.locator("main.container-xl")).to_be_visible()
    return page.url


def writes(page: Page, text: str) -> None:
    """On the page that looks like a telephone."""
    page.fill("#text", text)
    page.click("#write button")
