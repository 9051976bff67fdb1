"""Attacks 47 to 53, 56 and 59: the authorization endpoint and its codes."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx2
import pytest
from sqlalchemy import text

from smart_auth import people
from smart_auth.clients import PUBLIC
from smart_auth.codes import challenge_of
from tests.attacks.browser import PASSWORD, App, Browser, counted, form, told
from tests.attacks.caller import Caller, refused

SCOPE = "openid online_access launch/patient patient/*.rs user/*.rs"


@pytest.fixture
def app(caller: Caller, mark: str) -> App:
    return App(caller, mark, SCOPE)


@pytest.fixture
def code(app: App, browser: Browser, member: people.Person) -> str:
    return app.code(browser, member.login, scope="openid online_access")


def page(answer: httpx2.Response) -> bool:
    """Whether it is an error page, with nobody sent anywhere."""
    return (
        answer.status_code == 400 and "location" not in answer.headers and "text/html" in answer.headers["content-type"]
    )


def test_47_twice(caller: Caller, app: App, code: str) -> None:
    first = app.redeem(code)
    assert first.status == 200
    assert refused(app.redeem(code))
    caller.ends(first.json()["access_token"])
    assert refused(app.refresh(first.json()["refresh_token"]))


def test_47_fifty_at_once(caller: Caller, app: App, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: app.redeem(code), range(50)))
    with capsys.disabled():
        print(f"\n47: one code, 50 at once: {counted([one.status for one in answers])}")
    assert [one.status for one in answers].count(200) == 1
    assert all(refused(one) for one in answers if one.status != 200)
    caller.ends(next(one.json()["access_token"] for one in answers if one.status == 200))


def test_47_by_others(caller: Caller, app: App, code: str, mark: str) -> None:
    other = App(caller, f"{mark}-other", SCOPE, verifier=app.verifier)
    assert refused(other.redeem(code))
    assert refused(app.redeem(code, redirect_uri=f"{app.redirect_uri}/"))
    assert refused(app.redeem(code, redirect_uri=None), "invalid_request")
    assert refused(app.redeem(f"{code}x"))
    assert refused(app.redeem(""), "invalid_request")
    assert app.redeem(code).status == 200, "none of these cost its owner the code"


def test_47_after_a_minute(caller: Caller, app: App, code: str) -> None:
    with caller.engine.begin() as connection:
        connection.execute(
            text("update auth.code set expires = expires - 61 where client_id = :id"), {"id": app.client_id}
        )
    assert refused(app.redeem(code))


def test_48_the_answer_never_arrives(caller: Caller, app: App, code: str) -> None:
    form = urlencode(app.proof()[0] | {
        "grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri,
        "code_verifier": app.verifier,
    })  # fmt: skip
    with socket.create_connection(("127.0.0.1", caller.hub.port)) as raw:
        head = f"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: {len(form)}\r\n"
        raw.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}".encode())
        spent = text("select count(*) from auth.code where client_id = :id and used_at is not null")
        end = time.monotonic() + 10
        while True:
            with caller.engine.begin() as connection:
                if connection.execute(spent, {"id": app.client_id}).scalar_one():
                    break
            assert time.monotonic() < end
            time.sleep(0.02)
    assert refused(app.redeem(code)), "spent, whoever heard of it"


def test_49_challenge(app: App, browser: Browser) -> None:
    challenge = challenge_of(app.verifier)
    for changed in (
        {"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"},
        {"code_challenge": None}, {"code_challenge_method": None}, {"code_challenge": app.verifier},
        {"code_challenge": challenge[:-1]}, {"code_challenge": f"{challenge}="}, {"code_challenge_method": "s256"},
    ):  # fmt: skip
        assert told(app.start(browser, **changed))["error"] == "invalid_request", changed


def test_49_verifier(app: App, code: str) -> None:
    for verifier, error in (
        (None, "invalid_request"), ("", "invalid_request"), ("x" * 42, "invalid_request"),
        ("x" * 129, "invalid_request"), (f"{'x' * 43}é", "invalid_request"), (app.verifier[::-1], "invalid_grant"),
        (challenge_of(app.verifier), "invalid_grant"),
    ):  # fmt: skip
        assert refused(app.redeem(code, code_verifier=verifier), error), verifier
    assert app.redeem(code).status == 200


def test_50_redirect_uri(app: App, browser: Browser, caller: Caller) -> None:
    for uri in (
        None, "", "http://127.0.0.1:9999/", "http://127.0.0.1:9999/back/", "http://127.0.0.1:9999/back/x",
        "http://127.0.0.1:9999/back?x=1", "http://127.0.0.1:9999/back#x", "http://127.0.0.1:9998/back",
        "http://127.0.0.1/back", "http://127.0.0.1:9999/Back", "http://localhost:9999/back",
        "http://a@127.0.0.1:9999/back", "https://127.0.0.1:9999/back", "http://127.0.0.1:9999/back/../back",
        "http://127.0.0.1:9999/b%61ck", "//127.0.0.1:9999/back", "javascript:alert(1)", "https://evil.example.org/back",
        "http://127.0.0.1:9999/back\r\nX: y", "http://127.0.0.1:9999.evil.example.org/back",
    ):  # fmt: skip
        assert page(app.start(browser, redirect_uri=uri)), uri
    for client_id in (None, "", "nobody", f"{app.client_id}\x00", app.client_id.upper()):
        assert page(app.start(browser, client_id=client_id)), client_id
    assert page(browser.get(f"/authorize?{urlencode(app.asks())}&redirect_uri={app.redirect_uri}"))
    assert page(browser.get("/authorize"))
    assert page(browser.get("/authorize?continue=guessed"))


def test_51_state(app: App, browser: Browser, member: people.Person) -> None:
    for state in (None, "", "x" * 10_000, "a\r\nSet-Cookie: x=y", "a\tb", "é"):
        answer = app.start(browser, state=state)
        assert told(answer)["error"] == "invalid_request"
        assert "set-cookie" not in answer.headers
        assert "state" not in told(answer)
    odd = "a b&c=d%26#?/\\\"'<>"
    assert told(app.start(browser, state=odd, aud="x"))["state"] == odd
    page = browser.sign_in(member.login, page=app.start(browser, state=odd, scope="openid"))
    assert told(browser.consent(page))["state"] == odd


def test_52_aud(app: App, browser: Browser, caller: Caller) -> None:
    base = caller.site.fhir_base
    for aud in (
        None,
        "",
        "https://evil.example.org/fhir",
        f"{base}.evil.example.org",
        f"{base}//",
        f"{base}/x",
        base.upper(),
    ):
        assert told(app.start(browser, aud=aud))["error"] == "invalid_request", aud
    for good in ({"aud": f"{base}/"}, {"aud": None, "resource": base}):
        assert app.start(browser, **good).status_code == 200, good


def test_53_repeated(app: App, browser: Browser) -> None:
    for name in ("scope", "state", "aud", "code_challenge", "response_type", "nonce"):
        twice = urlencode([*app.asks(nonce="n").items(), (name, "x")])
        assert told(browser.get(f"/authorize?{twice}"))["error"] == "invalid_request", name
    assert page(browser.post("/authorize?scope=openid", app.asks()))
    body = urlencode(app.asks())
    assert browser.http.request("PUT", browser.url("/authorize"), content=body).status_code == 405


def test_other_faults_go_back_to_the_app(app: App, browser: Browser, caller: Caller) -> None:
    for changed, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"request_uri": "https://evil.example.org"}, "request_uri_not_supported"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"scope": "patient/observation.rs"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"launch": "x"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "nonsense"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "x" * 600}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ):  # fmt: skip
        found = told(app.start(browser, **changed))
        assert found["error"] == error, changed
        assert (found["iss"], found["state"]) == (caller.site.issuer, "the-state")
        assert "x.y.z" not in found["error_description"]


def test_56_no_open_redirector_and_always_an_issuer(
    app: App, browser: Browser, caller: Caller, member: people.Person
) -> None:
    evil = "https://evil.example.org/"
    for query in (
        {"redirect_uri": evil, "client_id": app.client_id, "error": "x"}, {"continue": evil},
        app.asks(redirect_uri=evil), app.asks(client_id="x", redirect_uri=evil),
    ):  # fmt: skip
        assert page(browser.get(f"/authorize?{urlencode(query)}")), query
    for to in (evil, "//evil.example.org", "/\\evil.example.org", "..//evil", "account@evil"):
        fields = dict(form(browser.get(f"/sign-in?{urlencode({'to': to})}"), "/sign-in"))
        answer = browser.post("/sign-in", fields | {"login": member.login, "password": PASSWORD})
        assert answer.headers["location"] == f"{caller.site.issuer}/account", to
    assert told(app.start(browser, aud="x"))["iss"] == caller.site.issuer


def test_59_a_confidential_client_must_prove_itself(caller: Caller, mark: str, browser: Browser, member: people.Person):
    app = App(caller, f"{mark}-c", SCOPE, auth_method="client_secret_basic")
    code = app.code(browser, member.login, scope="openid online_access")
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri,
        "code_verifier": app.verifier,
    }  # fmt: skip
    named = {"client_id": app.client_id}
    basic = app.proof()[1]
    assert refused(caller.post("/token", form | named), "invalid_client")
    assert refused(caller.post("/token", form | named | {"client_secret": app.secret or ""}), "invalid_client")
    assert refused(caller.post("/token", form | named | {"client_secret": "guess"}), "invalid_client")
    assert refused(caller.post("/token", form | {"client_secret": app.secret or ""}, basic), "invalid_request")
    assert refused(caller.post(f"/token?client_secret={app.secret}", form | named), "invalid_request")
    assert refused(caller.post("/token", form | {"client_id": "other"}, basic), "invalid_request")
    tokens = caller.post("/token", form, basic)
    assert tokens.status == 200, tokens.body
    again = {"grant_type": "refresh_token", "refresh_token": tokens.json()["refresh_token"]}
    assert refused(caller.post("/token", again | named), "invalid_client")
    assert caller.post("/token", again, basic).status == 200


def test_59_an_app_is_no_backend_service(caller: Caller, app: App) -> None:
    assert app.auth_method == PUBLIC
    asked = {"grant_type": "client_credentials", "client_id": app.client_id, "scope": "system/*.rs"}
    assert refused(caller.post("/token", asked), "invalid_client")


def test_42_other_tokens_open_nothing(caller: Caller, app: App, code: str) -> None:
    found = app.redeem(code).json()
    for token in (found["id_token"], found["refresh_token"], code):
        assert caller.get("Patient", token).status == 401
        assert caller.get("/auth/userinfo", token).status == 401
    assert refused(app.redeem(found["access_token"]))
    assert refused(app.refresh(found["access_token"]))
    assert refused(app.refresh(found["id_token"]))
