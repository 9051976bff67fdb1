"""Pictures of pages for the documentation: python -m tests.apps.pictures [apps | console | desk]

Writes docs/pictures/*.png, of hubs served for this, with made-up people.
"""

from __future__ import annotations

import copy
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from hub.embedded import Embedded
from hub.migrate import upgrade
from tests.apps.console.desk import OPERATOR, PEOPLE, Desk, enter, serving
from tests.apps.desk.inbox import NURSE, Inbox, writes
from tests.apps.desk.inbox import enter as enter_desk
from tests.apps.desk.inbox import serving as serving_desk
from tests.apps.site import Site, serve, sign_in
from tests.attacks.browser import person
from tests.batch.conftest import party
from tests.conftest import administer, url_of
from tests.hub_process import ROOT

PICTURES = ROOT / "docs" / "pictures"
ZONE = "America/Sao_Paulo"
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


def take_desk(browser: Browser, inbox: Inbox) -> None:
    """The desk and a telephone, of a nurse who takes an emergency and answers."""
    phone = browser.new_context(viewport={"width": 440, "height": 860}, timezone_id=ZONE).new_page()
    page = browser.new_context(locale="pt-BR", timezone_id=ZONE).new_page()
    phone.goto(inbox.joined.phone)
    for number, text in (
        ("5517988880007", "atendente"),
        ("5517988880008", "febre alta e dor atrás dos olhos, dengue e dor na barriga"),
        ("5517988880001", "minha mãe acordou com a boca torta e não consegue falar"),
    ):
        phone.fill("#phone", number)
        writes(phone, text)
        phone.wait_for_selector("#lines li:not(.mine)")
    phone.screenshot(path=PICTURES / "phone-emergency.png")
    enter_desk(inbox, page, NURSE)
    page.wait_for_selector(".case:nth-child(2)")
    _shot(page, "desk")
    page.click(".case.stat [data-case]")
    page.click("#take")
    page.wait_for_selector("#answer textarea")
    writes(phone, "estamos na rua das Flores 10")
    page.wait_for_selector("text=rua das Flores 10")
    page.fill("#text", "Aqui é a enfermeira Rosa. O SAMU já está indo até vocês. Ela está deitada?")
    page.click("#answer button")
    phone.wait_for_selector("text=enfermeira Rosa")
    phone.screenshot(path=PICTURES / "phone-nurse.png")
    page.wait_for_selector(".talk .ours:last-child:has-text('lido')")
    _shot(page, "desk-case")


NAMES = {"accesses": "access", "erasure": "erasure"}
"""Part of the page -> how its picture is called."""


def _shot(page: Page, name: str) -> None:
    for suffix, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        page.screenshot(path=PICTURES / f"{name}{suffix}.png")
    width, height = SIZES[""]
    page.set_viewport_size({"width": width, "height": height})


def _apps(browser: Browser, url: str, folder: Path) -> None:
    with serve(url, folder) as site:
        page = browser.new_context(locale="pt-BR").new_page()
        take(page, site)
        take_privacy(page, site)


def _console(browser: Browser, url: str, folder: Path) -> None:
    ring = folder / "gpg"
    ring.mkdir(parents=True)
    parties = {name: party(ring, name) for name in ("tasy", "hub")}
    with serving(url, folder, parties) as desk:
        take_console(browser.new_context(locale="pt-BR").new_page(), desk)


def _desk(browser: Browser, url: str, folder: Path) -> None:
    with serving_desk(folder, url) as inbox:
        take_desk(browser, inbox)


PARTS: Mapping[str, Callable[[Browser, str, Path], None]] = {"apps": _apps, "console": _console, "desk": _desk}
"""What is served by itself, on a database of its own, and photographed."""


def main(wanted: Sequence[str]) -> None:
    """Takes them; wanted: of PARTS, none for all."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing")
    PICTURES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="hub-pictures-"))
    folder.chmod(0o755)
    database = Embedded(folder / "postgres")
    try:
        url = database.start()
        for name in wanted or PARTS:
            administer(url, f"create database {name}")
            upgrade(url_of(url, name))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                PARTS[name](browser, url_of(url, name), folder / name)
                browser.close()
    finally:
        database.release()
        shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(PICTURES.glob("*.png")):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
