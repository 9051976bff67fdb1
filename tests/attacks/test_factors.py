"""Attack 61, second part: second factors guessed, used twice, gone around. And step-up."""

from __future__ import annotations

import html
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from smart_auth import factors, people
from smart_auth.guesses import FREE
from tests.attacks.browser import PASSWORD, SECRETS, App, Browser, counted, form, otp, person, told
from tests.attacks.caller import Caller
from tests.attacks.security_key import SecurityKey

SCOPE = "openid fhirUser user/*.rs launch/patient patient/*.rs"


@pytest.fixture
def physician(caller: Caller, mark: str) -> people.Person:
    return person(caller, mark, "physician", fhir_user="Practitioner/1")


def waiting(caller: Caller, who: people.Person) -> tuple[Browser, dict[str, str]]:
    """A browser that has shown the password, and the form it is at."""
    browser = Browser(caller)
    page = browser.get("/sign-in")
    answer = browser.post("/sign-in", dict(form(page, "/sign-in")) | {"login": who.login, "password": PASSWORD})
    page = browser.follow(answer)
    assert 'name="code"' in page.text
    return browser, dict(form(page, "/second-factor"))


def test_61_the_password_alone_is_nothing(caller: Caller, physician: people.Person, mark: str) -> None:
    browser, fields = waiting(caller, physician)
    assert SECRETS[mark] not in str(fields)
    assert browser.get("/account").status_code == 303
    assert browser.post("/launches", {"form": fields["form"], "client_id": "x"}).status_code == 401
    app = App(caller, mark, SCOPE)
    assert 'name="password"' in app.start(browser, scope="openid").text
    assert told(app.start(browser, scope="openid", prompt="none"))["error"] == "login_required"
    for code in ("", "000000", "abc", "0" * 400):
        assert browser.post("/second-factor", fields | {"code": code}).status_code == 400, code
    assert browser.post("/second-factor", fields | {"code": otp(caller, mark), "form": "x"}).status_code == 400
    assert browser.get("/account").status_code == 303
    before = browser.http.cookies["development-session"]
    assert browser.post("/second-factor", fields | {"code": otp(caller, mark)}).status_code == 303
    assert browser.get("/account").status_code == 200
    assert browser.http.cookies["development-session"] != before


def test_61_a_step_works_once(caller: Caller, physician: people.Person, mark: str) -> None:
    code = otp(caller, mark)
    first, fields = waiting(caller, physician)
    assert first.post("/second-factor", fields | {"code": code}).status_code == 303
    second, fields = waiting(caller, physician)
    assert second.post("/second-factor", fields | {"code": code}).status_code == 400
    earlier = pyotp.TOTP(SECRETS[mark]).at(int(time.time()) - 30)
    assert second.post("/second-factor", fields | {"code": earlier}).status_code == 400, "nor one before it"


def test_61_a_step_fifty_at_once(
    caller: Caller, physician: people.Person, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [waiting(caller, physician) for _ in range(4)]
    code = otp(caller, mark)
    with ThreadPoolExecutor(50) as pool:
        sent = (places * 13)[:50]
        statuses = list(pool.map(lambda at: at[0].post("/second-factor", at[1] | {"code": code}).status_code, sent))
    with capsys.disabled():
        print(f"\n61: one step of a second factor, 50 at once: {counted(statuses)}")
    # Whoever comes again after the first has no session under the old id: 303 to the sign-in page.
    inside = [browser for browser, _ in places if browser.get("/account").status_code == 200]
    assert len(inside) == 1


@pytest.mark.parametrize("seconds", [-65, 65, 3600])
def test_61_clocks_further_off(caller: Caller, physician: people.Person, mark: str, seconds: int) -> None:
    browser, fields = waiting(caller, physician)
    code = pyotp.TOTP(SECRETS[mark]).at(int(time.time()) + seconds)
    assert browser.post("/second-factor", fields | {"code": code}).status_code == 400


def test_61_guessing_codes(caller: Caller, physician: people.Person, mark: str) -> None:
    statuses = []
    with ThreadPoolExecutor(20) as pool:
        browser, fields = waiting(caller, physician)
        statuses = list(
            pool.map(lambda n: browser.post("/second-factor", fields | {"code": f"{n:06}"}).status_code, range(20))
        )
    assert FREE <= statuses.count(400) <= FREE + 4
    assert statuses.count(429) == 20 - statuses.count(400)
    other, fields = waiting(caller, physician)
    assert other.post("/second-factor", fields | {"code": "x"}).status_code in (400, 429)


def test_61_recovery_codes(caller: Caller, physician: people.Person, mark: str) -> None:
    with caller.engine.begin() as connection:
        codes = factors.fresh_recovery(connection, physician)
        kept = connection.exec_driver_sql("select string_agg(hash, ' ') from auth.recovery").scalar_one()
    assert len(codes) == 10
    assert "$argon2id$" in kept
    assert codes[0].replace("-", "") not in kept
    browser, fields = waiting(caller, physician)
    assert browser.post("/second-factor", fields | {"code": codes[0][:-1]}).status_code == 400
    assert browser.post("/second-factor", fields | {"code": codes[0].upper().replace("-", " ")}).status_code == 303
    again, fields = waiting(caller, physician)
    assert again.post("/second-factor", fields | {"code": codes[0]}).status_code == 400
    stranger = person(caller, f"{mark}-b", "nurse")
    third, fields = waiting(caller, stranger)
    assert third.post("/second-factor", fields | {"code": codes[1]}).status_code == 400


def test_setting_one_up(caller: Caller, physician: people.Person, mark: str) -> None:
    with caller.engine.begin() as connection:
        factors.remove(connection, physician)
    browser, fields = waiting(caller, physician)
    page = browser.get("/second-factor")
    secret = page.text.split('class="secret">')[1].split("<")[0]
    assert browser.get("/second-factor").text.count(secret) >= 1, "the same until it is confirmed"
    assert browser.post("/second-factor", fields | {"code": "000000"}).status_code == 400
    answer = browser.post("/second-factor", fields | {"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 200
    codes = [part.split("<")[0] for part in answer.text.split('class="secret">')[1:]]
    assert len(codes) == 10
    assert browser.get("/account").status_code == 200
    assert secret not in browser.get("/second-factor").text
    other, fields = waiting(caller, physician)
    assert other.post("/second-factor", fields | {"code": codes[3]}).status_code == 303


def test_step_up(caller: Caller, physician: people.Person, mark: str) -> None:
    app, browser = App(caller, mark, SCOPE), Browser(caller)
    browser.sign_in(mark)
    assert 'name="decision"' in app.start(browser, scope="openid", acr_values="2").text, "just shown"
    with caller.engine.begin() as connection:
        connection.exec_driver_sql(
            "update auth.session set factor_time = factor_time - 301, auth_time = auth_time - 301"
        )
    assert told(app.start(browser, scope="openid", acr_values="2", prompt="none"))["error"] == "login_required"
    page = app.start(browser, scope="openid", acr_values="2")
    assert 'name="code"' in page.text
    before = browser.http.cookies["development-session"]
    page = browser.second_factor(page, otp(caller, mark))
    assert browser.http.cookies["development-session"] != before
    found = app.redeem(told(browser.consent(page))["code"]).json()
    keys = KeySet.import_key_set(caller.hub.client.request("GET", "/auth/jwks").json())
    claims = jwt.decode(found["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["acr"], claims["amr"]) == ("2", ["pwd", "otp", "mfa"])
    assert claims["iat"] - claims["auth_time"] < 60
    member = person(caller, f"{mark}-m")
    own = Browser(caller)
    own.sign_in(member.login)
    assert told(app.start(own, scope="openid", acr_values="2"))["error"] == "unmet_authentication_requirements"


def asked(page: httpx2.Response, name: str) -> dict[str, Any]:
    """The options on a page for whoever makes or uses a key."""
    found: dict[str, Any] = json.loads(html.unescape(page.text.split(f'data-{name}="')[1].split('"')[0]))
    return found


def with_key(caller: Caller, login: str) -> SecurityKey:
    """A key added to somebody's account."""
    browser = Browser(caller)
    browser.sign_in(login)
    page = browser.get("/security-key")
    key = SecurityKey("127.0.0.1", caller.site.issuer.removesuffix("/auth"))
    fields = dict(form(page, "/security-key"))
    for bad in ("", "{}", "x", key.make({"challenge": "AAAA"})):
        assert browser.post("/security-key", fields | {"credential": bad}).status_code == 400
    again = asked(browser.get("/security-key"), "make")
    assert browser.post("/security-key", fields | {"credential": key.make(again)}).status_code == 303
    return key


def test_61_security_keys(caller: Caller, physician: people.Person, mark: str) -> None:
    key = with_key(caller, mark)
    browser, fields = waiting(caller, physician)
    page = browser.get("/second-factor")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    challenge = asked(page, "sign")["challenge"]
    sent = key.sign(challenge)
    other, theirs = waiting(caller, physician)
    other.get("/second-factor")
    assert other.post("/second-factor", theirs | {"credential": sent}).status_code == 400, "another session's challenge"
    assert browser.post("/second-factor", fields | {"credential": sent}).status_code == 303
    # Not again, and not by a copy that is behind in counting.
    third, fields = waiting(caller, physician)
    assert third.post("/second-factor", fields | {"credential": sent}).status_code == 400
    key.count = 0
    challenge = asked(third.get("/second-factor"), "sign")["challenge"]
    assert third.post("/second-factor", fields | {"credential": key.sign(challenge)}).status_code == 400
    assert third.get("/account").status_code == 303


def test_61_a_key_is_its_owners(caller: Caller, physician: people.Person, mark: str) -> None:
    key = with_key(caller, mark)
    stranger = person(caller, f"{mark}-b", "nurse")
    own = with_key(caller, stranger.login)
    for one in (key, SecurityKey(own.rp_id, "https://evil.example.org", own.id, own.count, own.private)):
        browser, fields = waiting(caller, stranger)
        challenge = asked(browser.get("/second-factor"), "sign")["challenge"]
        assert browser.post("/second-factor", fields | {"credential": one.sign(challenge)}).status_code == 400
    browser, fields = waiting(caller, stranger)
    challenge = asked(browser.get("/second-factor"), "sign")["challenge"]
    assert browser.post("/second-factor", fields | {"credential": own.sign(challenge)}).status_code == 303


def test_a_key_is_added_after_a_second_factor_only(caller: Caller, physician: people.Person, mark: str) -> None:
    browser, _ = waiting(caller, physician)
    assert browser.get("/security-key").headers["location"].endswith("/sign-in?to=security-key")
    browser = Browser(caller)
    browser.sign_in(mark)
    fields = dict(form(browser.get("/security-key"), "/security-key"))
    with caller.engine.begin() as connection:
        connection.exec_driver_sql("update auth.session set factor_time = factor_time - 301")
    assert browser.get("/security-key").headers["location"].endswith("/second-factor?to=security-key")
    assert browser.post("/security-key", fields | {"credential": "x"}).headers["location"].endswith("to=security-key")
