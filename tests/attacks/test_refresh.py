"""Attack 57: refresh tokens used twice, by others, for more, or after the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text

from smart_auth import clients, grants, limits, people
from tests.attacks.browser import App, Browser, counted, form, person
from tests.attacks.caller import Caller, refused
from tests.attacks.record import Record

SCOPE = "openid offline_access launch/patient patient/*.rs"
NEW = "another-horse-battery-7"


@pytest.fixture
def app(caller: Caller, mark: str) -> App:
    return App(caller, mark, SCOPE)


@pytest.fixture
def tokens(caller: Caller, app: App, member: people.Person) -> dict[str, str]:
    return app.tokens(Browser(caller), member.login)


def test_57_reuse(caller: Caller, app: App, tokens: dict[str, str]) -> None:
    second = app.refresh(tokens["refresh_token"]).json()
    assert second["refresh_token"] != tokens["refresh_token"]
    assert refused(app.refresh(tokens["refresh_token"]))
    assert refused(app.refresh(second["refresh_token"])), "the whole family ends"
    for one in (tokens, second):
        caller.ends(one["access_token"])


def test_57_the_person_is_told(caller: Caller, record: Record, app: App, mark: str) -> None:
    """At the next sign-in, on the page of apps and in the record, until they say that they know."""
    member = person(caller, mark, patients=[record.a], fhir_user=f"Patient/{record.a}")
    tokens = app.tokens(Browser(caller), member.login)
    assert app.refresh(tokens["refresh_token"]).status == 200
    quiet = Browser(caller)
    assert "encerrado" not in quiet.sign_in(member.login).text
    with ThreadPoolExecutor(5) as pool:
        assert all(refused(one) for one in pool.map(lambda _: app.refresh(tokens["refresh_token"]), range(5)))
    browser = Browser(caller)
    page = browser.sign_in(member.login, page=app.start(browser))
    told = f"O acesso do aplicativo App {mark} foi encerrado em"
    assert page.text.count(told) == 1
    assert told in browser.get("/apps").text
    assert told in quiet.get("/apps").text
    # Nobody acknowledges it from elsewhere; said once, it is known everywhere, and the app's request goes on.
    assert browser.post("/notice", {"form": "x"}).status_code == 400
    after = browser.follow(browser.post("/notice", form(page, "/notice")))
    assert form(after, "/consent")
    for one in (browser, quiet):
        assert "encerrado" not in one.get("/apps").text
    assert one.get("/notice").status_code == 303
    found = caller.get(f"Communication?subject=Patient/{record.a}&_sort=-_lastUpdated", record.operator).json()
    texts = [entry["resource"]["payload"][0]["contentString"] for entry in found["entry"]]
    assert [told in text for text in texts].count(True) == 1, "however often it was tried"


def test_57_fifty_at_once(caller: Caller, app: App, tokens: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: app.refresh(tokens["refresh_token"]), range(50)))
    with capsys.disabled():
        print(f"\n57: one refresh token, 50 at once: {counted([one.status for one in answers])}")
    good = [one for one in answers if one.status == 200]
    assert len(good) == 1
    assert all(refused(one) for one in answers if one.status != 200)
    assert refused(app.refresh(good[0].json()["refresh_token"]))
    caller.ends(good[0].json()["access_token"])


@pytest.mark.parametrize(
    "scope",
    ["patient/*.cruds", "user/*.rs", "patient/*.rs system/*.rs", "", "patient/nonsense.rs", "patient/*.rs x",
     "patient/Observation.rs fhirUser"],
)  # fmt: skip
def test_57_wider(app: App, tokens: dict[str, str], scope: str) -> None:
    assert refused(app.refresh(tokens["refresh_token"], scope=scope), "invalid_scope")
    assert app.refresh(tokens["refresh_token"]).json()["scope"] == tokens["scope"], "it was not spent"


def test_57_a_narrower_one_in_meaning(app: App, tokens: dict[str, str]) -> None:
    answer = app.refresh(tokens["refresh_token"], scope="patient/Observation.r patient/Condition.rs?_tag=x").json()
    assert answer["scope"] == "patient/Condition.rs?_tag=x patient/Observation.r"


def test_57_another_client(caller: Caller, app: App, tokens: dict[str, str], mark: str) -> None:
    assert refused(App(caller, f"{mark}-other", SCOPE).refresh(tokens["refresh_token"]))
    assert app.refresh(tokens["refresh_token"]).status == 200


def _switched_off(connection: Connection, member: people.Person, app: App, now: int) -> None:
    people.switch(connection, member, False, now)


def _other_role(connection: Connection, member: people.Person, app: App, now: int) -> None:
    people.change(
        connection, member, ["guardian"], now, fhir_user=member.fhir_user, organization=None, patients=member.patients
    )


def _new_password(connection: Connection, member: people.Person, app: App, now: int) -> None:
    people.set_password(connection, member, NEW, now)


def _withdrawn(connection: Connection, member: people.Person, app: App, now: int) -> None:
    assert grants.withdraw(connection, member.subject, app.client_id, now) == 1


def _client_off(connection: Connection, member: people.Person, app: App, now: int) -> None:
    clients.switch_off(connection, app.client_id)


def _idle(connection: Connection, member: people.Person, app: App, now: int) -> None:
    connection.execute(
        text("update auth.refresh set expires = :now from auth.granted g where g.id = granted and subject = :subject"),
        {"now": now, "subject": member.subject},
    )


@pytest.mark.parametrize("change", [_switched_off, _other_role, _new_password, _withdrawn, _client_off, _idle])
def test_57_after_the_end(
    caller: Caller, app: App, member: people.Person, tokens: dict[str, str], change: Callable[..., None]
) -> None:
    with caller.engine.begin() as connection:
        change(connection, member, app, int(time.time()))
    assert refused(app.refresh(tokens["refresh_token"]), "invalid_client" if change is _client_off else "invalid_grant")
    if change is not _idle:
        caller.ends(tokens["access_token"])


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_46_a_client_gives_back_its_own_only(
    caller: Caller, app: App, tokens: dict[str, str], mark: str, which: str
) -> None:
    other = App(caller, f"{mark}-other", SCOPE)
    for client, status in ((other, 200), (app, 200)):
        answer = caller.post("/revoke", {"token": tokens[which], "client_id": client.client_id})
        assert answer.status == status
        if client is other:
            tokens |= app.refresh(tokens["refresh_token"]).json() if which == "access_token" else {}
    assert refused(app.refresh(tokens["refresh_token"]))
    caller.ends(tokens["access_token"])


def test_57_fewer_rights_of_the_client(caller: Caller, app: App, tokens: dict[str, str]) -> None:
    with caller.engine.begin() as connection:
        connection.execute(
            text("update auth.client set scope = 'openid patient/Patient.rs' where client_id = :id"),
            {"id": app.client_id},
        )
    assert app.refresh(tokens["refresh_token"]).json()["scope"] == "openid patient/Patient.rs"


def test_57_the_trail_tells(caller: Caller, record: Record, app: App, member: people.Person) -> None:
    """Who tried to sign in, who allowed what, and what was used twice: with the address, without a secret."""
    browser = Browser(caller)
    browser.sign_in(member.login, "a-wrong-password-1")
    found = app.tokens(browser, member.login)
    app.refresh(found["refresh_token"])
    app.refresh(found["refresh_token"])
    browser.post("/sign-out", form(browser.get("/account"), "/sign-out"))
    told = record.events(f"AuditEvent/$trail?agent={member.subject}", record.operator, 5)
    said = [(one["subtype"][0]["display"], one["outcome"]) for one in told]
    assert said == [
        ("sign-out", "0"), ("refresh-reused", "4"), ("grant", "0"), ("sign-in", "0"), ("sign-in", "4"),
    ]  # fmt: skip
    assert {one["type"]["code"] for one in told} == {"110113", "110114", "110137"}
    assert all(one["agent"][0]["network"]["address"].startswith("127.") for one in told)
    assert found["refresh_token"] not in json.dumps(told)


def test_61_an_app_refreshes_so_often_only(
    caller: Caller, app: App, member: people.Person, tokens: dict[str, str]
) -> None:
    key = f"token:{app.client_id}:{member.subject}"
    if time.time() % 60 > 50:
        time.sleep(10)  # not across two minutes
    with caller.engine.begin() as connection:
        for _ in range(limits.TOKENS_PER_MINUTE):
            limits.wait(connection, key, limits.TOKENS_PER_MINUTE, int(time.time()))
    answer = app.refresh(tokens["refresh_token"])
    assert (answer.status, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    with caller.engine.begin() as connection:
        connection.execute(text("delete from auth.counter where key = :key"), {"key": key})
    assert app.refresh(tokens["refresh_token"]).status == 200, "it was not spent"
