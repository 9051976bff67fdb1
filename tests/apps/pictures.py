"""Pictures of pages for the documentation: python -m tests.apps.pictures

Writes docs/pictures/*.png, of a hub served for this with the sample patients.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from hub.embedded import Embedded
from hub.migrate import upgrade
from tests.apps.console.desk import OPERATOR, PEOPLE, Desk, enter, serving
from tests.apps.site import Site, serve, sign_in
from tests.attacks.browser import person
from tests.batch.conftest import party
from tests.conftest import administer, url_of
from tests.hub_process import ROOT

PICTURES = ROOT / "docs" / "pictures"
SIZES = {"": (1280, 900), "-phone": (390, 844)}


def take(page: Page, site: Site) -> None:
    """Goes the way of somebody who opens the clinician's app."""
    page.goto(f"{site.apps}/clinician/launch")
    _shot(page, "sign-in")
    sign_in(page, site.member.login)
    page.wait_for_selector("button[value=allow]")
    _shot(page, "consent")
    page.click("button[value=allow]")
    page.wait_for_selector("header.banner")
    _shot(page, "clinician")
    page.click("nav a[href='#vital-signs']")
    page.wait_for_selector(".plot canvas")
    page.wait_for_timeout(1000)
    page.screenshot(path=PICTURES / "clinician-curves.png")


def take_privacy(page: Page, site: Site) -> None:
    """The members' page, of somebody who has decided and asked for something already."""
    doctor = person(site.caller, "dr.paulo", "physician", fhir_user="Practitioner/none")
    own = {"reference": f"Patient/{site.patient}"}
    steps = {
        "resourceType": "Observation", "status": "final", "code": {"text": "passos do dia"}, "subject": own,
        "performer": [own], "valueString": "9000",
    }  # fmt: skip
    site.caller.get("Observation", site.caller.token("system/*.cruds"), "POST", steps)
    token = site.caller.token("user/*.rs", roles=("physician",), subject=doctor.subject)
    for query in ("Condition", "MedicationRequest", "Observation"):
        site.caller.get(f"{query}?patient={site.patient}&_count=5", token)
    page.goto(f"{site.apps}/privacy/launch")
    page.click("button[value=allow]")
    page.click("#purpose-reminders button")
    page.click("#purpose-wellness button")
    page.select_option("#resource", f"Patient/{site.patient}")
    page.fill("#statement", "o meu telefone mudou")
    page.click("text=Enviar pedido")
    page.wait_for_timeout(3000)  # the audit trail is sealed
    page.goto(page.url.partition("#")[0])
    _shot(page, "privacy")
    for part in ("accesses", "erasure"):
        page.locator("section", has=page.locator(f"#{part}")).screenshot(path=PICTURES / f"privacy-{NAMES[part]}.png")


def take_console(page: Page, desk: Desk) -> None:
    """The console, of somebody who finds a bad line and puts it right."""
    people = copy.deepcopy(PEOPLE)
    people["Coverage"][16]["relationship"]["coding"][1]["code"] = "99"
    desk.sent(people)
    desk.sync()
    enter(desk, page, OPERATOR)
    _shot(page, "console")
    page.click("text=Runs")
    page.click("td a")
    _shot(page, "console-run")
    page.click(".messages a")
    page.click("text=Simulate as it is now")
    page.wait_for_selector("#simulated .alert")
    page.screenshot(path=PICTURES / "console-message.png", full_page=True)


NAMES = {"accesses": "access", "erasure": "erasure"}
"""Part of the page -> how its picture is called."""


def _shot(page: Page, name: str) -> None:
    for suffix, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        page.screenshot(path=PICTURES / f"{name}{suffix}.png")
    width, height = SIZES[""]
    page.set_viewport_size({"width": width, "height": height})


def main() -> None:
    """Takes them."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing")
    PICTURES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="hub-pictures-"))
    folder.chmod(0o755)
    database = Embedded(folder / "postgres")
    try:
        url = database.start()
        with serve(url, folder / "hub") as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_context(locale="pt-BR").new_page()
            take(page, site)
            take_privacy(page, site)
            browser.close()
        administer(url, "create database console")
        ring = folder / "gpg"
        ring.mkdir()
        other, parties = url_of(url, "console"), {name: party(ring, name) for name in ("tasy", "hub")}
        upgrade(other)
        with serving(other, folder / "console", parties) as desk, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            take_console(browser.new_context(locale="pt-BR").new_page(), desk)
            browser.close()
    finally:
        database.release()
        shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(PICTURES.glob("*.png")):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
