"""fhirclient from npm, as pages of an origin of their own: launched by itself and from inside, with PKCE. http://docs.smarthealthit.org/client-js/

What it asks of the hub, it asks from a browser: so the hub's answers to other origins are tried as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from smart_auth import clients, launches
from tests.apps.site import Site, sign_in
from tests.clients.test_npm import FOLDER as CLIENTS

PAGES = Path(__file__).parent / "fhirclient"
BUNDLE = CLIENTS / "node_modules" / "fhirclient" / "build" / "fhir-client.js"
SCOPE = "openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"


class _Pages(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, directory=str(PAGES), **named)

    def translate_path(self, path: str) -> str:
        return str(BUNDLE) if path == "/fhir-client.js" else super().translate_path(path)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def app(site: Site) -> Iterator[str]:
    """URL of the app's pages; it is registered as a public client."""
    if not BUNDLE.is_file():
        pytest.skip("fhirclient is missing: make clients")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with site.caller.engine.begin() as connection:
        clients.register(
            connection, "fhirclient", "fhirclient", clients.PUBLIC, f"launch launch/patient launch/encounter {SCOPE}",
            int(time.time()), grant_types=["authorization_code", "refresh_token"], redirect_uris=[f"{url}/index.html"],
        )  # fmt: skip
    time.sleep(2)  # every worker hears of new origins within a second
    yield url
    server.shutdown()


def told(page: Page, site: Site) -> dict[str, Any]:
    """What the app found, after the person signed in and agreed."""
    sign_in(page, site.member.login)
    page.click("button[value=allow]")
    expect(page.locator("#told")).not_to_be_empty(timeout=15_000)
    found: dict[str, Any] = json.loads(page.inner_text("#told"))
    assert "error" not in found, found
    return found


def expected(site: Site, found: dict[str, Any]) -> None:
    assert (found["patient"], found["again"]) == (site.patient, site.patient)
    assert found["observations"] > 0
    assert found["user"] == f"Patient/{site.patient}", "it was an absolute URL, of which fhirclient keeps the end"
    assert found["renewed"] is True
    assert found["hidden"] == 403, "Encounters were not asked for"


def test_by_itself(site: Site, app: str, page: Page) -> None:
    page.goto(f"{app}/launch.html?{urlencode({'server': site.base, 'scope': f'launch/patient {SCOPE}'})}")
    found = told(page, site)
    expected(site, found)
    assert set(found["scope"].split()) == {"launch/patient", *SCOPE.split()}


def test_from_inside(site: Site, app: str, page: Page) -> None:
    token = site.caller.token("system/Encounter.rs")
    encounter = site.caller.get(f"Encounter?patient={site.patient}&_count=1", token).json()["entry"][0]["resource"]
    context = launches.Context(site.patient, encounter["id"])
    with site.caller.engine.begin() as connection:
        value = launches.make(connection, "fhirclient", site.member.subject, context, int(time.time()))
    query = {"iss": site.base, "launch": value, "scope": f"launch launch/encounter {SCOPE}"}
    page.goto(f"{app}/launch.html?{urlencode(query)}")
    found = told(page, site)
    expected(site, found)
    assert found["encounter"] == encounter["id"]


def test_a_page_of_another_origin_gets_nothing(site: Site, app: str, page: Page) -> None:
    """The same pages at a host name that nobody registered: its requests fail in the browser."""
    page.goto(f"{app.replace('127.0.0.1', 'localhost')}/index.html")
    status = page.evaluate(
        "base => fetch(base + '/Patient', {headers: {Authorization: 'Bearer x'}}).then(r => r.status, e => 'refused')",
        site.base,
    )
    assert status == "refused"
    smart = page.evaluate(
        "base => fetch(base + '/.well-known/smart-configuration').then(r => r.status)", site.base
    )  # fmt: skip
    assert smart == 200
