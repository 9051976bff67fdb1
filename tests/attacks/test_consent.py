"""Attacks 54 and 55: launches and the consent page."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from smart_auth import people
from tests.attacks.browser import PASSWORD, App, Browser, form, launch, person, told
from tests.attacks.caller import Caller
from tests.attacks.record import Record

SCOPE = "launch launch/patient openid patient/*.rs"
INSIDE = "launch patient/Patient.rs"


@pytest.fixture
def browser(browser: Browser, member: people.Person) -> Browser:
    """Signed in."""
    browser.sign_in(member.login)
    return browser


@pytest.fixture
def app(caller: Caller, mark: str) -> App:
    return App(caller, mark, SCOPE)


def test_54_guessed_reused_expired(
    caller: Caller, record: Record, app: App, browser: Browser, member: people.Person
) -> None:
    assert told(app.start(browser, scope=INSIDE, launch="guessed"))["error"] == "invalid_request"
    value = launch(caller, app, member, patient=record.a)
    assert app.tokens(browser, member.login, scope=INSIDE, launch=value)["patient"] == record.a
    assert told(app.start(browser, scope=INSIDE, launch=value))["error"] == "invalid_request"
    late = launch(caller, app, member, patient=record.a)
    with caller.engine.begin() as connection:
        connection.execute(text("update auth.launch set expires = expires - 301 where used_at is null"))
    assert told(app.start(browser, scope=INSIDE, launch=late))["error"] == "invalid_request"


def test_54_two_requests_with_one_launch(
    caller: Caller, record: Record, app: App, browser: Browser, member: people.Person
) -> None:
    value = launch(caller, app, member, patient=record.a)
    pages = [app.start(browser, scope=INSIDE, launch=value) for _ in range(2)]
    assert "code" in told(browser.consent(pages[0]))
    assert told(browser.consent(pages[1]))["error"] == "invalid_request"


def test_54_of_another_app_or_person(
    caller: Caller, record: Record, app: App, browser: Browser, member: people.Person, mark: str
) -> None:
    other = App(caller, f"{mark}-other", SCOPE)
    value = launch(caller, other, member, patient=record.a)
    assert told(app.start(browser, scope=INSIDE, launch=value))["error"] == "invalid_request"
    stranger = person(caller, f"{mark}-stranger", patients=[record.b])
    value = launch(caller, app, stranger, patient=record.b)
    assert told(app.start(browser, scope=INSIDE, launch=value))["error"] == "invalid_request"


def test_54_the_patient_exchanged(
    caller: Caller, record: Record, app: App, browser: Browser, member: people.Person
) -> None:
    value = launch(caller, app, member, patient=record.a)
    page = app.start(browser, scope=INSIDE, launch=value, patient=record.b)
    answer = app.redeem(told(browser.consent(page, patient=record.b))["code"]).json()
    assert answer["patient"] == record.a
    # A launch made by mistake for a patient the person may not see opens nothing.
    value = launch(caller, app, member, patient=record.b)
    assert browser.consent(app.start(browser, scope=INSIDE, launch=value)).status_code == 403
    standalone = app.start(browser, scope="launch/patient patient/Patient.rs")
    for patient in (record.b, "../x", "x' or 1=1", f"{record.a},{record.b}"):
        assert browser.consent(standalone, patient=patient).status_code == 403, patient


def test_55_pages_are_not_framed_kept_or_told(app: App, browser: Browser, caller: Caller) -> None:
    consent = app.start(browser, scope="openid")
    sign_in = Browser(caller).get("/sign-in")
    error = browser.get("/authorize")
    for page in (consent, sign_in, error):
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "<script" not in page.text
        assert "style=" not in page.text
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in page.headers
    assert "form-action 'self' http://127.0.0.1:9999;" in consent.headers["content-security-policy"]
    assert "form-action 'self';" in sign_in.headers["content-security-policy"]


def test_55_forged_posts(app: App, browser: Browser, caller: Caller, mark: str) -> None:
    page = app.start(browser, scope="openid")
    fields = dict(form(page, "/consent"))
    cross = {"Sec-Fetch-Site": "cross-site"}
    for changed, headers in (
        ({"form": ""}, {}), ({"form": "guessed"}, {}), ({"continue": "guessed"}, {}), ({}, cross),
        ({}, {"Sec-Fetch-Site": "same-site"}),
    ):  # fmt: skip
        answer = browser.post("/consent", fields | {"decision": "allow"} | changed, **headers)
        assert (answer.status_code, "location" in answer.headers) == (400, False), changed
    # What one session was shown, another cannot send.
    person(caller, f"{mark}-b")
    other = Browser(caller)
    other.sign_in(f"{mark}-b")
    assert other.post("/consent", fields | {"decision": "allow"}).status_code == 400
    assert Browser(caller).post("/consent", fields | {"decision": "allow"}).status_code == 400
    assert "code" in told(browser.consent(page))
    assert browser.post("/sign-out", {"form": "guessed"}).status_code == 400
    assert browser.get("/account").status_code == 200


def test_55_scopes_added_in_the_form(app: App, browser: Browser, record: Record) -> None:
    asked = "launch/patient patient/Patient.rs"
    page = app.start(browser, scope=asked)
    for added in (["0", "7"], ["patient/*.cruds"], ["-1"], ["0", "9" * 20], ["²"]):
        assert browser.consent(page, scope=added).status_code == 400, added
    answer = app.redeem(told(browser.consent(page, scope=["0", "0"]))["code"]).json()
    assert answer["scope"] == asked


def test_55_double_submit_and_an_older_page(app: App, browser: Browser) -> None:
    first = app.start(browser, scope="openid")
    again = browser.get(f"/authorize?continue={dict(form(first, '/consent'))['continue']}")
    assert browser.consent(first).status_code == 400, "shown again since"
    assert "code" in told(browser.consent(again))
    for page in (first, again):
        answer = browser.consent(page)
        assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_55_session_fixation(caller: Caller, member: people.Person) -> None:
    victim = Browser(caller)
    name = "development-session"
    victim.http.cookies.set(name, "known-to-the-attacker", domain="127.0.0.1")
    victim.sign_in(member.login)
    attacker = Browser(caller)
    attacker.http.cookies.set(name, "known-to-the-attacker", domain="127.0.0.1")
    assert attacker.get("/account").status_code == 303
    # The id a session had before signing in anew is worth nothing afterwards.
    old = Browser(caller)
    old.sign_in(member.login)
    copy = Browser(caller)
    copy.http.cookies.set(name, old.http.cookies[name], domain="127.0.0.1")
    assert copy.get("/account").status_code == 200
    old.sign_in(member.login)
    assert old.get("/account").status_code == 200
    assert copy.get("/account").status_code == 303


def test_55_signing_somebody_in_from_elsewhere(caller: Caller, member: people.Person) -> None:
    browser = Browser(caller)
    fields = {"login": member.login, "password": PASSWORD}
    assert browser.post("/sign-in", fields).status_code == 400
    assert browser.post("/sign-in", fields | {"form": "x"}).status_code == 400
    page = dict(form(browser.get("/sign-in"), "/sign-in"))
    assert browser.post("/sign-in", page | fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert browser.get("/account").status_code == 303


def test_cookies(caller: Caller, member: people.Person) -> None:
    browser = Browser(caller)
    page = browser.get("/sign-in")
    answer = browser.post("/sign-in", dict(form(page, "/sign-in")) | {
        "login": member.login, "password": PASSWORD,
    })  # fmt: skip
    assert answer.status_code == 303
    session = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("development-session="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert "Path=/" in session
    assert "Domain" not in session
