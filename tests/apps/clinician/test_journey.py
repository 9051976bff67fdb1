"""The clinician's app in a browser: launched by itself and from inside, read, renewed, ended."""

from __future__ import annotations

import time

import httpx2
import pytest
from playwright.sync_api import Page, expect

from hub.apps_served import CLINICIAN
from smart_auth import launches
from tests.apps.site import Site, sign_in


def launch(site: Site, **context: str) -> str:
    """URL by which the app is launched from inside, for the member."""
    with site.caller.engine.begin() as connection:
        value = launches.make(
            connection, CLINICIAN, site.member.subject, launches.Context(site.patient, **context), int(time.time())
        )
    return f"{site.apps}/clinician/launch?iss={site.base}&launch={value}"


def name_of(site: Site) -> str:
    patient = site.caller.get(f"Patient/{site.patient}", site.caller.token("system/Patient.r")).json()
    return str(patient["name"][0]["family"])


def test_by_itself(site: Site, page: Page) -> None:
    page.goto(f"{site.apps}/clinician/")
    page.click("a.btn-primary")
    sign_in(page, site.member.login)
    expect(page.locator("h1")).to_have_text("Autorizar aplicativo")
    page.click("button[value=allow]")
    banner = page.locator("header.banner")
    expect(banner).to_contain_text(name_of(site))
    assert page.url.startswith(f"{site.apps}/clinician/")
    # Curves are drawn by scripts of this origin, under its strict policy.
    page.locator("#vital-signs").scroll_into_view_if_needed()
    expect(page.locator(".plot canvas").first).to_be_visible()
    assert page.locator("ol.timeline li").count() > 3
    expect(page.locator("nav")).to_contain_text(name_of(site))
    # Its languages.
    page.click("nav form >> nth=0 >> button")
    expect(page.locator("#allergies")).to_have_text("Allergies and intolerances")
    # By keyboard: the first stop leads to the content.
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    # On a phone nothing is wider than the screen.
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    record = page.url
    page.click("nav form >> nth=1 >> button")
    assert page.goto(record).status == 401  # type: ignore[union-attr]


def test_from_inside(site: Site, page: Page) -> None:
    page.goto(launch(site))
    sign_in(page, site.member.login)
    page.click("button[value=allow]")
    expect(page.locator("header.banner")).to_contain_text(name_of(site))
    # The same again: the person is known and has agreed, so nothing is asked.
    page.goto(launch(site))
    expect(page.locator("header.banner")).to_contain_text(name_of(site))
    assert "/clinician/" in page.url


def test_from_the_launcher(site: Site, page: Page) -> None:
    """As a developer of apps does it; and then the app is on the list of what the person allowed."""
    issuer = site.caller.site.issuer
    page.goto(f"{issuer}/launcher")
    sign_in(page, site.member.login)
    page.locator("form", has_text="Prontuário").locator("button.main").click()
    page.click("#ready")
    allow = page.locator("button[value=allow]")
    banner = page.locator("header.banner")
    expect(allow.or_(banner).first).to_be_visible()
    if allow.count():
        allow.click()
    expect(banner).to_contain_text(name_of(site))
    record = page.url
    page.goto(f"{issuer}/apps")
    section = page.locator("section", has_text="Prontuário")
    expect(section).to_contain_text("patient/Observation.rs")
    section.locator("button").click()
    expect(page.locator("main")).to_contain_text("Nenhum aplicativo tem permissão sua")
    # Within seconds the app has nothing left to read with.
    deadline = time.monotonic() + 10
    while page.goto(record).status != 401:  # type: ignore[union-attr]
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_refused(site: Site, page: Page) -> None:
    page.goto(f"{site.apps}/clinician/launch")
    sign_in(page, site.member.login)
    page.click("button[value=deny]")
    expect(page.locator("main")).to_contain_text("access_denied")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/clinician/launch?iss=https://evil.example.org/fhir&launch=x", 400),
        ("/clinician/launch?launch=x", 400),
        ("/clinician/callback?state=guessed&code=x", 400),
        ("/clinician/callback", 400),
        ("/clinician/nobody/", 401),
        ("/clinician/nobody/documents/x/0", 401),
        ("/clinician/parts/bootstrap/..%2f..%2f..%2f..%2f..%2fpyproject.toml", 404),
        ("/", 404),
    ],
)
def test_what_strangers_get(site: Site, path: str, status: int) -> None:
    answer = httpx2.get(f"{site.apps}{path}")
    assert answer.status_code == status
    if path.startswith("/clinician/"):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_the_secret_never_leaves(site: Site, page: Page) -> None:
    """Neither the client's secret nor a token is in what browsers get."""
    texts: list[str] = []
    page.on("response", lambda answer: texts.append(answer.url + str(answer.headers)))
    page.goto(launch(site))
    sign_in(page, site.member.login)
    if page.locator("button[value=allow]").count():
        page.click("button[value=allow]")
    expect(page.locator("header.banner")).to_be_visible()
    texts.append(page.content())
    secret = site.caller.seal.derived(f"client:{CLINICIAN}")
    assert secret not in "".join(texts)
    assert "eyJ" not in "".join(texts)
