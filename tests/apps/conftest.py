"""A served hub with its apps and the sample patients, people who sign in, and a browser without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from hub.apps import PARTS
from smart_auth import people
from smart_auth.seal import new_key
from tests.attacks.browser import PASSWORD, person
from tests.attacks.caller import Caller
from tests.hub_process import HubProcess, free_port

SECONDS = 20


@dataclass(frozen=True)
class Site:
    """What is served."""

    caller: Caller
    apps: str
    """URL of the apps."""
    patient: str
    """Id of the sample patient with most observations."""
    member: people.Person
    """That patient."""

    @property
    def base(self) -> str:
        return self.caller.site.fhir_base


@pytest.fixture(scope="session")
def site(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not PARTS.is_dir():
        pytest.skip("the apps' front-end packages are missing: make parts")
    key, port = new_key(), free_port()
    settings = {"database_url": session_database, "access": "smart", "key": key, "apps_port": str(port)}
    with HubProcess(tmp_path_factory.mktemp("hub"), settings, arguments=("--sample-data",)) as served:
        caller = Caller(served, session_database, key)
        token = caller.token("system/*.rs")
        ids = [entry["resource"]["id"] for entry in caller.get("Patient?_count=50", token).json()["entry"]]
        counts = {id: caller.get(f"Observation?patient={id}&_summary=count", token).json()["total"] for id in ids}
        patient = max(counts, key=lambda id: counts[id])
        member = person(caller, "the-member", fhir_user=f"Patient/{patient}", patients=[patient])
        yield Site(caller, f"http://127.0.0.1:{port}", patient, member)
        caller.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of a browser nobody has used; it fails on errors of a page's scripts."""
    context = chromium.new_context(locale="pt-BR", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    found = context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    yield found
    context.close()
    assert not faults


def sign_in(page: Page, login: str) -> None:
    """On the sign-in page."""
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.main")
