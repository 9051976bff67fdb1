"""A security key in Chromium, as its virtual authenticator has it: added, used to sign in, and no good to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from hub.authorization import engine
from smart_auth.access_token import Site
from smart_auth.seal import new_key
from tests.attacks.browser import PASSWORD, otp, person
from tests.attacks.caller import Caller
from tests.hub_process import HubProcess

KEY = {
    "protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def named(module_database: str, tmp_path: Path) -> Iterator[Caller]:
    """A hub that browsers know by a name: no security key is for an address."""
    key = new_key()
    served = HubProcess(tmp_path, {"database_url": module_database, "access": "smart", "key": key})
    base = f"http://localhost:{served.port}"
    served.settings["base_url"] = f"{base}/fhir"
    with served:
        caller = Caller(served, module_database, key)
        caller.site = Site(f"{base}/auth", f"{base}/fhir")
        yield caller
        caller.close()


def sign_in(page: Page, site: Site, login: str) -> None:
    page.goto(f"{site.issuer}/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_selector("#code")


def test_security_key(named: Caller, page: Page) -> None:
    person(named, "dr.key", "physician")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})

    sign_in(page, named.site, "dr.key")
    assert page.locator("form[data-sign]").count() == 0
    page.fill("#code", otp(named, "dr.key"))
    page.click("button.main")
    page.wait_for_url("**/account")
    page.goto(f"{named.site.issuer}/security-key")
    page.click("form[data-make] button")
    page.wait_for_url("**/account")

    page.click("form button")
    page.wait_for_url("**/sign-in")
    sign_in(page, named.site, "dr.key")
    page.click("form[data-sign] button")
    page.wait_for_url("**/account")
    with engine(named.database).begin() as connection:
        methods, signed = connection.exec_driver_sql(
            "select s.methods, f.signed from auth.session s, auth.factor f where f.kind = 'webauthn'"
        ).one()
    assert methods == ["pwd", "pop", "mfa"]
    assert signed > 0
