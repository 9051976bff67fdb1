"""Attack 60: apps that register for more than they may, or change what is not theirs."""

from __future__ import annotations

import base64
import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from hub.authorization import known
from smart_auth import registration
from smart_auth.registration import PATIENT_APP
from smart_auth.scopes import parse
from tests.attacks.caller import EC, Caller, jwks
from tests.hub_process import Answer

APP: dict[str, Any] = {"client_name": "An app", "redirect_uris": ["https://app.example.org/after"]}


def invite(caller: Caller, scope: str = PATIENT_APP, uses: int = 1, seconds: int = 600, *, now: int) -> str:
    with caller.engine.begin() as connection:
        return registration.invite(connection, str(parse(scope, known)), uses, now + seconds)


def send(caller: Caller, token: str | None, body: Any, method: str = "POST", path: str = "/auth/register") -> Answer:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    path = path.removeprefix(caller.site.issuer.removesuffix("/auth"))
    answer = caller.hub.client.request(method, path, body, headers)
    assert answer.headers["cache-control"] == "no-store"
    return answer


def own(
    caller: Caller, told: dict[str, Any], method: str = "GET", body: Any = None, token: str | None = None
) -> Answer:
    """A request about a registration, by its own token or another one."""
    return send(
        caller, token or told["registration_access_token"], body, method, told["registration_client_uri"]
    )  # fmt: skip


def test_registered_read_changed_and_removed(caller: Caller, now: int) -> None:
    body = APP | {"token_endpoint_auth_method": "client_secret_basic", "scope": "launch/patient patient/Observation.rs"}
    answer = send(caller, invite(caller, now=now), body)
    assert answer.status == 201, answer.body
    told = answer.json()
    assert told["redirect_uris"] == APP["redirect_uris"]
    assert (told["scope"], told["client_secret_expires_at"]) == ("launch/patient patient/Observation.rs", 0)
    assert told["waiting_for_approval"] is True
    # The secret is told once; it and the tokens are kept as hashes only.
    read = own(caller, told)
    assert read.status == 200
    assert "client_secret" not in read.json()
    assert read.json()["client_id"] == told["client_id"]
    with caller.engine.connect() as connection:
        row = json.dumps([str(one) for one in connection.execute(text("select c from auth.client c")).scalars()])
        assert told["client_secret"] not in row
        assert told["registration_access_token"] not in row
    # It waits: its secret opens nothing until an operator approves it.
    pair = base64.b64encode(f"{told['client_id']}:{told['client_secret']}".encode()).decode()
    asked = {"token": "x"}, {"Authorization": f"Basic {pair}"}
    assert caller.post("/introspect", *asked).status == 401
    assert caller.hub.command("client", "list").stdout.count(f"{told['client_id']}  client_secret_basic") == 1
    done = caller.hub.command("client", "approve", told["client_id"])
    assert done.returncode == 0, done.stderr
    assert caller.hub.command("client", "approve", told["client_id"]).returncode == 2
    assert caller.post("/introspect", *asked).json() == {"active": False}
    assert own(caller, told).json()["waiting_for_approval"] is False
    # Changed, it waits again, with a new secret.
    changed = own(caller, told, "PUT", body | {"client_id": told["client_id"], "client_name": "Another"}).json()
    assert (changed["client_name"], changed["waiting_for_approval"]) == ("Another", True)
    assert changed["client_secret"] != told["client_secret"]
    wider = body | {"client_id": told["client_id"], "scope": "patient/*.rs"}
    assert own(caller, told, "PUT", wider).json()["error"] == "invalid_client_metadata"
    assert own(caller, told, "PUT", body).json()["error"] == "invalid_client_metadata", "client_id is missing"
    assert own(caller, told, "DELETE").status == 204
    assert own(caller, told).status == 401


def test_an_id_is_no_option_of_a_command(caller: Caller, now: int) -> None:
    """`hub client approve ID` and `off ID` read what begins with a dash as an option."""
    token = invite(caller, uses=3, now=now)
    assert all(re.fullmatch("[0-9a-f]{32}", send(caller, token, APP).json()["client_id"]) for _ in range(3))


def test_60_what_is_asked_too_much(caller: Caller, now: int) -> None:
    token = invite(caller, uses=1, now=now)
    for changed in (
        {"redirect_uris": ["https://*.example.org/"]}, {"redirect_uris": ["http://app.example.org/"]},
        {"redirect_uris": ["javascript:alert(1)"]}, {"scope": "system/*.cruds"}, {"scope": "patient/*.cruds"},
        {"scope": "system/*.cruds", "grant_types": ["client_credentials"], "redirect_uris": [],
         "token_endpoint_auth_method": "private_key_jwt", "jwks": json.loads(jwks(EC))},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/latest"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1/"},
        {"software_statement": "eyJhbGciOiJub25lIn0.e30."},
    ):  # fmt: skip
        answer = send(caller, token, APP | changed)
        assert answer.status == 400, changed
        assert answer.json()["error"].startswith(("invalid_", "unapproved_"))
        assert "example.org" not in answer.body.decode()
    for body in (b"[]", b"{", b'{"client_name": "a", "client_name": "b"}', b"\xff", b"[" * 60_000, b"x" * 70_000):
        assert send(caller, token, body).status == 400, body[:20]
    # Nothing of it has used the token up.
    assert send(caller, token, APP).status == 201


def test_60_only_who_was_invited(caller: Caller, now: int) -> None:
    service = caller.token("system/*.cruds")
    for token in (None, "", "x", service, secrets.token_urlsafe(32), invite(caller, seconds=-1, now=now)):
        answer = send(caller, token, APP)
        assert answer.status == 401, token
        assert answer.headers["www-authenticate"].startswith("Bearer")
    once = invite(caller, uses=3, now=now)
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(lambda _: send(caller, once, APP).status, range(20)))
    assert statuses == [201] * 3 + [401] * 17
    form = caller.post("/register", {"client_name": "x"}, {"Authorization": f"Bearer {invite(caller, now=now)}"})
    assert form.status == 400
    assert send(caller, once, None, "GET").status == 405


def test_60_registrations_of_others(caller: Caller, now: int) -> None:
    one, two = (send(caller, invite(caller, now=now), APP).json() for _ in range(2))
    caller.client("by-hand")
    for told in (one, two | {"registration_client_uri": f"{caller.site.issuer}/register?client_id=by-hand"}):
        for method in ("GET", "PUT", "DELETE"):
            body = APP | {"client_id": told["client_id"]} if method == "PUT" else None
            for token in ("x", "None", two["registration_access_token"]):
                assert own(caller, told, method, body, token).status == 401
    assert own(caller, one).status == 200
    unknown = one | {"registration_client_uri": f"{caller.site.issuer}/register?client_id=nobody"}
    assert own(caller, unknown).body == own(caller, one, token="x").body


def test_60_a_service_waits_and_then_works(caller: Caller, now: int) -> None:
    body = {
        "client_name": "Lab", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": json.loads(jwks(EC)), "scope": "system/Observation.rs",
    }  # fmt: skip
    told = send(caller, invite(caller, "system/*.rs", now=now), body).json()
    assert "client_secret" not in told
    assert caller.ask(told["client_id"], "system/Observation.rs").status == 401
    done = caller.hub.command("client", "approve", told["client_id"])
    assert done.returncode == 0, done.stderr
    assert caller.ask(told["client_id"], "system/*.rs").json()["scope"] == "system/Observation.rs"


@pytest.mark.parametrize("arguments", [("--scope", "nonsense"), ("--scope", " ")])
def test_invitations_for_nothing(caller: Caller, arguments: tuple[str, ...]) -> None:
    assert caller.hub.command("client", "invite", *arguments).returncode == 2


def test_invited_by_command(caller: Caller) -> None:
    done = caller.hub.command("client", "invite", "--uses", "2")
    assert send(caller, done.stdout.strip(), APP).status == 201
