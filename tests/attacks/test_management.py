"""What a person allowed apps, seen and taken back; and the launcher for developers."""

from __future__ import annotations

import html
import re

from smart_auth import people
from tests.attacks.browser import App, Browser, form, person
from tests.attacks.caller import Caller
from tests.attacks.record import Record

SCOPE = "launch launch/patient openid offline_access online_access patient/*.rs"
ASKED = "offline_access launch/patient patient/Observation.rs"


def test_seen_and_taken_back(caller: Caller, record: Record, member: people.Person, mark: str) -> None:
    app, browser = App(caller, mark, SCOPE), Browser(caller)
    assert browser.get("/apps").headers["location"].endswith("/sign-in?to=apps")
    found = app.tokens(browser, member.login, scope=ASKED)
    page = browser.get("/apps")
    assert page.status_code == 200
    for text in (f"App {mark}", "patient/Observation.rs", f"a{record.mark}", "Último uso em", "Resultados de exames"):
        assert text in page.text, text
    assert found["access_token"] not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert caller.get(f"Observation/lab-a-{record.mark}", found["access_token"]).status == 200
    fields = form(page, "/apps")
    # A form from elsewhere, or of somebody else's session, takes nothing back.
    forged = [("form", "x"), ("client_id", mark)]
    assert browser.post("/apps", forged).status_code == 400
    assert browser.post("/apps", fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 400
    other = Browser(caller)
    other.sign_in(person(caller, f"other-{mark}").login)
    assert other.post("/apps", fields).status_code == 400
    mine = dict(form(other.get("/account"), "/sign-out"))["form"]
    assert other.post("/apps", [("form", mine), ("client_id", mark)]).status_code == 303
    assert f"App {mark}" in browser.get("/apps").text, "another person's apps are their own"

    assert browser.post("/apps", fields).headers["location"].endswith("/apps")
    assert f"App {mark}" not in browser.get("/apps").text
    caller.eventually(lambda: caller.get(f"Observation/lab-a-{record.mark}", found["access_token"]).status == 401)
    assert app.refresh(found["refresh_token"]).json()["error"] == "invalid_grant"
    # Asked again, the person is asked again.
    again = app.start(browser, scope=ASKED)
    assert 'name="decision"' in again.text


def test_names_are_text(caller: Caller, member: people.Person, mark: str) -> None:
    """Attack 71: an app's name is what its maker chose."""
    app, browser = App(caller, mark, SCOPE), Browser(caller)
    with caller.engine.begin() as connection:
        connection.exec_driver_sql(
            "update auth.client set name = '<script>alert(1)</script>' where client_id = %(id)s", {"id": mark}
        )
    app.tokens(browser, member.login, scope=ASKED)
    for page in (browser.get("/apps"), browser.get("/launcher")):
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text


def test_launched(caller: Caller, record: Record, member: people.Person, mark: str) -> None:
    app, browser = App(caller, mark, SCOPE, redirect_uri="http://127.0.0.1:9999/app/back"), Browser(caller)
    assert browser.get("/launcher").headers["location"].endswith("/sign-in?to=launcher")
    page = browser.sign_in(member.login)
    page = browser.get("/launcher")
    assert "http://127.0.0.1:9999/app/launch" in page.text
    session = next(value for name, value in form(page, "/launcher") if name == "form")
    fields = {"form": session, "client_id": mark, "patient": record.a, "url": "http://127.0.0.1:9999/other?x=1"}
    done = browser.post("/launcher", fields)
    ready = re.search(r'id="ready" href="([^"]+)"', done.text)
    assert ready is not None, done.text
    url = html.unescape(ready[1])
    assert url.startswith("http://127.0.0.1:9999/other?x=1&iss=")
    found = app.tokens(browser, member.login, scope="launch patient/Patient.r", launch=url.rpartition("launch=")[2])
    assert found["patient"] == record.a
    for changed in (
        {"url": "https://evil.example.org/launch"}, {"url": "http://127.0.0.1:9998/launch"},
        {"url": "javascript:alert(1)"}, {"url": "http://127.0.0.1:9999@evil.example.org/"}, {"patient": record.b},
        {"patient": ""}, {"client_id": "nobody"}, {"form": "x"},
    ):  # fmt: skip
        answer = browser.post("/launcher", fields | changed)
        assert answer.status_code == 400, changed
        assert 'id="ready"' not in answer.text
