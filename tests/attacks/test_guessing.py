"""Attack 61: guessing passwords, learning which accounts there are, keeping somebody out."""

from __future__ import annotations

import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import text

from smart_auth import guesses, limits, people
from smart_auth.guesses import FREE
from tests.attacks.browser import App, Browser, counted, form, person
from tests.attacks.caller import Caller

pytestmark = pytest.mark.alone


def wrong(browser: Browser, login: str) -> httpx2.Response:
    return browser.sign_in(login, "a-wrong-password-1")


def exhausted(caller: Caller, kind: str, whose: str) -> None:
    """So many tries were made that the next must wait for minutes."""
    now = int(time.time())
    with caller.engine.begin() as connection:
        for _ in range(2 * (FREE + 8)):
            now += guesses.wait(connection, kind, whose, now)


def test_61_waits(caller: Caller, member: people.Person) -> None:
    for _ in range(FREE):
        assert wrong(Browser(caller), member.login).status_code == 400
    exhausted(caller, "login", member.login)
    answer = Browser(caller).sign_in(member.login)
    assert answer.status_code == 429, "even with the right password: it was not looked at"
    assert int(answer.headers["retry-after"]) > 60
    assert answer.headers["retry-after"] in answer.text
    with caller.engine.begin() as connection:
        connection.execute(text("update auth.guess set until = :now"), {"now": int(time.time())})
    assert Browser(caller).sign_in(member.login).status_code == 200
    with caller.engine.begin() as connection:
        assert guesses.wait(connection, "login", member.login, int(time.time())) == 0, "and from then on as at first"


def test_61_fifty_at_once(caller: Caller, member: people.Person, capsys: pytest.CaptureFixture[str]) -> None:
    browsers = [Browser(caller) for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda one: wrong(one, member.login).status_code, browsers))
    with capsys.disabled():
        print(f"\n61: one account, 50 passwords at once: {counted(statuses)}")
    # One more for each wait that ends while they are at it: 1, 2, 4, 8 s.
    assert FREE <= statuses.count(400) <= FREE + 4
    assert statuses.count(429) == 50 - statuses.count(400)


def test_61_no_account_is_told_from_another(
    caller: Caller, member: people.Person, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    off = person(caller, f"{mark}-off")
    with caller.engine.begin() as connection:
        people.switch(connection, off, False, int(time.time()))
        people.add(connection, f"{mark}-new", "No password yet", ["member"], int(time.time()))
    logins = [member.login, f"{mark}-none", off.login, f"{mark}-new"]
    answers: dict[str, list[tuple[int, str, list[str]]]] = {login: [] for login in logins}
    times: dict[str, list[float]] = {login: [] for login in logins}
    for turn in range(FREE + 1):
        for login in logins:
            if turn == FREE:
                exhausted(caller, "login", login)
            browser = Browser(caller)
            page = browser.get("/sign-in")
            began = time.perf_counter()
            answer = browser.sign_in(login, "a-wrong-password-1", page)
            times[login].append(time.perf_counter() - began)
            hidden = dict(form(answer, "/sign-in"))["form"]
            same = re.sub(r"\d+ segundos", "", answer.text.replace(hidden, "").replace(f'value="{login}"', ""))
            answers[login].append((answer.status_code, same, sorted(answer.headers)))
    first = answers.pop(member.login)
    assert [status for status, _, _ in first] == [400] * FREE + [429]
    assert all(other == first for other in answers.values())
    told = ", ".join(f"{statistics.median(found) * 1000:.0f}" for found in times.values())
    with capsys.disabled():
        print(f"\n61: median ms for a known account, an unknown one, one switched off, one without password: {told}")


def test_61_one_address(caller: Caller, mark: str) -> None:
    browser = Browser(caller)
    address = browser.address
    if time.time() % 60 > 50:
        time.sleep(10)  # not across two minutes
    with caller.engine.begin() as connection:
        for _ in range(limits.SIGN_INS_PER_MINUTE - 3):
            limits.wait(connection, f"sign-in:{address}", limits.SIGN_INS_PER_MINUTE, int(time.time()))
    statuses = [wrong(browser, f"{mark}-{number}").status_code for number in range(8)]
    assert statuses == [400] * 3 + [429] * 5
    # It is who connects, not who a header says (HUB_PROXIES is not set here).
    browser.http.headers["X-Forwarded-For"] = "203.0.113.7"
    assert wrong(browser, f"{mark}-x").status_code == 429


def test_61_a_stranger_keeps_nobody_out(caller: Caller, member: people.Person) -> None:
    own = Browser(caller)
    assert own.sign_in(member.login).status_code == 200
    exhausted(caller, "login", member.login)
    assert Browser(caller).sign_in(member.login).status_code == 429
    own.post("/sign-out", form(own.get("/account"), "/sign-out"))
    assert own.sign_in(member.login).status_code == 200, "from a browser that was there before"
    # That browser's own tries count, and its cookie is no help with another account, or forged.
    other = Browser(caller)
    other.http.cookies.set("development-device", "x" * 80, domain="127.0.0.1")
    assert other.sign_in(member.login).status_code == 429
    exhausted(caller, "device", own.http.cookies["development-device"])
    assert own.sign_in(member.login).status_code == 429


def test_61_secrets_of_clients(caller: Caller, mark: str) -> None:
    app = App(caller, mark, "openid", auth_method="client_secret_post")
    secret = app.secret or ""
    for guess in ("", "x", secret[:-1], secret.upper(), f"{secret} ", "%00"):
        app.secret = guess
        answer = app.refresh("x")
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client"), guess
