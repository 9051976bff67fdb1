"""A member who comes to the page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.apps.site import Site, sign_in

LOGIN = "titular"


def enter(site: Site, page: Page) -> None:
    """Signs the member in, and comes to the page."""
    page.goto(f"{site.apps}/privacy/launch")
    if page.locator("#login").count():
        sign_in(page, LOGIN)
    allow = page.locator("button[value=allow]")
    expect(allow.or_(page.locator("header.banner")).first).to_be_visible()
    if allow.count():
        allow.click()
    expect(page.locator("h1")).to_have_text("Meus dados")
