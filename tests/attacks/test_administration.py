"""Clients, people, policies and keys over REST: who may administer them, what comes of it, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.security_events import operator
from smart_auth import passwords, people
from tests.attacks.caller import EC, RSA, Caller, jwks
from tests.hub_process import Answer

ALL = "system/Client.cruds system/User.cruds system/AccessPolicy.cruds system/SigningKey.rus"
LIST = "Client?_count=1"
Call = Callable[..., Answer]


@pytest.fixture
def call(caller: Caller) -> Call:
    """A request of the administration, by a service that may do all of it unless a token is given."""
    own = caller.token(ALL, client="admin-service")

    def send(method: str, path: str, body: Any = None, token: str = own, **headers: str) -> Answer:
        return caller.get(f"/auth/admin/{path}", token, method, body, **headers)

    return send


def outcome(answer: Answer) -> tuple[int, list[str]]:
    """The status and the elements at fault."""
    [issue] = answer.json()["issue"]
    return answer.status, issue.get("expression", [])


def service(id: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"id": id} if id else {}
    return {
        "resourceType": "Client", **named, "client_name": "A laboratory", "scope": "system/Observation.rs",
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": json.loads(jwks(EC)),
    } | more  # fmt: skip


def user(login: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "User", "login": login, "name": "Ana Souza", "roles": ["member"],
            "patients": [{"reference": "Patient/1"}]} | more  # fmt: skip


@pytest.mark.parametrize(
    "scope",
    [
        "system/*.cruds",
        "system/Patient.cruds",
        "system/User.cruds",
        "system/Client.cud",
        "user/*.cruds",
        "patient/*.rs",
    ],
)
def test_only_a_scope_that_names_it_opens_it(caller: Caller, call: Call, scope: str) -> None:
    token = caller.token(scope, client="x", roles=("security-officer",), patient="1")
    assert call("GET", LIST, token=token).status == 403


def test_no_wildcard_becomes_such_a_scope(caller: Caller, call: Call, mark: str) -> None:
    """A service that has everything gets nothing of this by asking."""
    caller.client(mark, "system/*.cruds")
    assert caller.ask(mark, "system/Client.cruds").json()["error"] == "invalid_scope"
    narrowed = caller.ask(mark, "system/*.cruds system/Client.cruds").json()
    assert narrowed["scope"] == "system/*.cruds"
    assert call("GET", LIST, token=narrowed["access_token"]).status == 403


def test_people_need_the_role_and_a_second_factor_just_shown(caller: Caller, call: Call, now: int) -> None:
    def status(**person: Any) -> Answer:
        token = caller.token("user/Client.rs", client="console", subject="s-1", **person)
        return call("GET", LIST, token=token)

    officer = ("security-officer",)
    assert status(roles=officer, auth_time=now, acr="2").status == 200
    assert status(roles=("physician", "operator"), auth_time=now, acr="2").status == 403
    assert status(auth_time=now, acr="2").status == 403
    for late in ({"auth_time": now - 301, "acr": "2"}, {"auth_time": now, "acr": "1"}, {}):
        answer = status(roles=officer, **late)
        assert answer.status == 401
        assert 'insufficient_user_authentication", acr_values="2"' in answer.headers["www-authenticate"]


def test_without_a_token(caller: Caller) -> None:
    for method, path in (("GET", "Client"), ("POST", "User"), ("PUT", "AccessPolicy/nurse")):
        assert caller.hub.client.request(method, f"/auth/admin/{path}", {}).status == 401


def test_such_a_token_opens_nothing_of_the_record(caller: Caller) -> None:
    token = caller.token(ALL, client="admin-service")
    assert caller.get("Patient", token).status == 403
    assert caller.get("", token, "GET").status == 403


def test_a_client(caller: Caller, call: Call, mark: str) -> None:
    created = call("PUT", f"Client/{mark}", service(mark))
    assert created.status == 201, created.body
    assert created.headers["location"].endswith(f"/auth/admin/Client/{mark}")
    assert caller.ask(mark, "system/Observation.rs").status == 200
    read = call("GET", f"Client/{mark}")
    assert read.headers["etag"] == created.headers["etag"]
    assert call("GET", f"Client/{mark}", if_none_match=read.headers["etag"]).status == 304
    # Switched off by what was read: its tokens end with it, and it comes back with the keys it had.
    held = caller.ask(mark, "system/Observation.rs").json()["access_token"]
    assert call("PUT", f"Client/{mark}", read.json() | {"active": False}, if_match=read.headers["etag"]).status == 200
    assert caller.ask(mark).json()["error"] == "invalid_client"
    caller.eventually(lambda: caller.get("Observation?_count=1", held).status == 401)
    assert call("PUT", f"Client/{mark}", read.json(), if_match=read.headers["etag"]).status == 412
    assert call("PUT", f"Client/{mark}", read.json()).json()["active"] is True
    assert caller.ask(mark, "system/Observation.rs").status == 200


def test_a_clients_secret_is_told_once(caller: Caller, call: Call, mark: str) -> None:
    app = {
        "resourceType": "Client", "client_name": "Chart", "redirect_uris": ["https://app.example.org/after"],
        "scope": "launch/patient patient/Observation.rs",
    }  # fmt: skip
    answer = call("POST", "Client", app)
    assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
    told = answer.json()
    again = call("GET", f"Client/{told['id']}").json()
    assert again == {name: value for name, value in told.items() if name != "client_secret"}
    renamed = call("PUT", f"Client/{told['id']}", again | {"client_name": "Chart 2"}).json()
    assert renamed["client_secret"] != told["client_secret"]
    switched = call("PUT", f"Client/{told['id']}", again | {"client_name": "Chart 2", "active": False}).json()
    assert "client_secret" not in switched, "nothing but active was changed"


@pytest.mark.parametrize(
    ("changed", "element"),
    [
        ({"scope": "system/Nonsense.rs"}, "scope"), ({"scope": "patient/*.rs"}, "scope"), ({"scope": ""}, "scope"),
        ({"scope": "patient/Client.rs"}, "scope"), ({"jwks": {"keys": []}}, "jwks"), ({"jwks": None}, "jwks"),
        ({"jwks_uri": "http://169.254.169.254/", "jwks": None}, "jwks_uri"), ({"client_name": ""}, "client_name"),
        ({"grant_types": ["password"]}, "grant_types"), ({"active": "yes"}, "active"),
        ({"redirect_uris": ["https://x.example.org/"]}, "redirect_uris"), ({"client_secret": "x"}, "client_secret"),
    ],
)  # fmt: skip
def test_a_client_that_cannot_be(call: Call, mark: str, changed: dict[str, Any], element: str) -> None:
    body = {name: value for name, value in (service(mark) | changed).items() if value is not None}
    status, elements = outcome(call("PUT", f"Client/{mark}", body))
    assert status in (400, 422)
    assert f"Client.{element}" in elements
    assert call("GET", f"Client/{mark}").status == 404, "nothing of it is stored"


def test_a_person(caller: Caller, call: Call, mark: str) -> None:
    created = call("POST", "User", user(mark))
    assert created.status == 201, created.body
    person = created.json()
    assert (person["hasPassword"], person["login"]) == (False, mark)
    path = f"User/{person['id']}"
    told = call("POST", f"{path}/$reset-password")
    assert told.headers["cache-control"] == "no-store"
    [password] = [one["valueString"] for one in told.json()["parameter"]]
    with caller.engine.connect() as connection:
        found = people.by_login(connection, mark)
        assert found is not None
        assert passwords.verified(found.password_hash, password)
    assert password not in json.dumps(call("GET", path).json())
    # What they may do ends with the role that gave it.
    token = caller.token("patient/Patient.rs", client="chart", subject=person["id"], patient="1", roles=("member",))
    assert caller.get("Patient?_count=1", token).status == 200
    changed = call(
        "PUT", path, user(mark, id=person["id"], roles=["nurse"], organization={"reference": "Organization/1"})
    )
    assert changed.json()["roles"] == ["nurse"]
    caller.eventually(lambda: caller.get("Patient?_count=1", token).status == 401)
    assert call("POST", f"{path}/$reset-factors").status == 200
    assert call("PUT", path, changed.json() | {"active": False}).json()["active"] is False
    assert [one["resource"]["id"] for one in call("GET", f"User?login={mark}").json()["entry"]] == [person["id"]]
    assert call("POST", "User", user(mark)).status == 422, "the login is somebody's"
    for wrong in (
        call("PUT", "User/unknown", user(mark, id="unknown")),
        call("DELETE", path),
        call("POST", f"{path}/$x"),
    ):
        assert wrong.status in (404, 405)


@pytest.mark.parametrize(
    ("changed", "element"),
    [
        ({"roles": ["king"]}, "roles"), ({"roles": []}, "roles"), ({"roles": "nurse"}, "roles"),
        ({"login": "x"}, "login"), ({"name": 3}, "name"), ({"fhirUser": "x"}, "fhirUser"),
        ({"fhirUser": {"reference": "Observation/1"}}, "fhirUser"), ({"password": "x"}, "password"),
        ({"organization": {"reference": "Patient/1"}}, "organization"),
        ({"patients": [{"reference": "Group/1"}]}, "patients"),
        ({"patients": [{"reference": "Patient/a b"}]}, "patients"),
    ],
)  # fmt: skip
def test_a_person_who_cannot_be(call: Call, mark: str, changed: dict[str, Any], element: str) -> None:
    status, elements = outcome(call("POST", "User", user(mark) | changed))
    assert status in (400, 422)
    assert elements == [f"User.{element}"]


def test_nobody_changes_themselves(caller: Caller, call: Call, mark: str, now: int) -> None:
    person = call("POST", "User", user(mark, roles=["security-officer"])).json()
    strong: dict[str, Any] = {"roles": ("security-officer",), "auth_time": now, "acr": "2"}
    own = caller.token("user/User.cruds", client="console", subject=person["id"], **strong)
    path = f"User/{person['id']}"
    assert call("PUT", path, person | {"roles": ["physician", "security-officer"]}, token=own).status == 403
    assert call("POST", f"{path}/$reset-factors", token=own).status == 403
    assert call("GET", path, token=own).json()["roles"] == ["security-officer"]


def test_a_policy(caller: Caller, call: Call, now: int) -> None:
    """In force within 5 seconds; the rows of other roles stay as they are."""
    before = call("GET", "AccessPolicy/claims-analyst").json()
    others = call("GET", "AccessPolicy/nurse").json()
    analyst = caller.token("user/Schedule.rs", client="desk", subject="c-1", roles=("claims-analyst",))
    assert caller.get("Schedule", analyst).status == 403
    row = {"types": ["Schedule"], "interactions": "rs"}
    changed = call("PUT", "AccessPolicy/claims-analyst", before | {"resource": [*before["resource"], row]})
    assert changed.status == 200, changed.body
    try:
        caller.eventually(lambda: caller.get("Schedule", analyst).status == 200)
        assert call("GET", "AccessPolicy/nurse").json() == others
        assert row["types"] in [one["types"] for one in changed.json()["resource"]]
    finally:
        assert call("PUT", "AccessPolicy/claims-analyst", before).json() == before
    caller.eventually(lambda: caller.get("Schedule", analyst).status == 403)
    for bad, element in (
        ({"types": ["Nonsense"], "interactions": "r"}, "resource[0].types"),
        ({"types": ["Patient"], "interactions": "x"}, "resource[0].interactions"),
        ({"types": ["Patient"], "interactions": "r", "hidden": ["nothing"]}, "resource[0].hidden"),
        ({"types": ["Patient"], "interactions": "r", "role": "nurse"}, "resource"),
    ):
        sent = before | {"resource": [bad]}
        assert outcome(call("PUT", "AccessPolicy/claims-analyst", sent)) == (422, [f"AccessPolicy.{element}"])
    assert outcome(call("PUT", "AccessPolicy/king", {"resourceType": "AccessPolicy", "id": "king"}))[0] == 422


def test_policies_changed_at_once_are_all_kept(call: Call, mark: str) -> None:
    ids = [f"client.{mark}{number}" for number in range(8)]

    def put(id: str) -> int:
        rows = [{"types": ["Patient"], "interactions": "r"}]
        return call("PUT", f"AccessPolicy/{id}", {"resourceType": "AccessPolicy", "id": id, "resource": rows}).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, ids)) == {201}
    there = [entry["resource"]["id"] for entry in call("GET", "AccessPolicy?_count=1000").json()["entry"]]
    assert set(ids) <= set(there)
    for id in ids:
        assert "resource" not in call("PUT", f"AccessPolicy/{id}", {"resourceType": "AccessPolicy", "id": id}).json()


def test_keys(caller: Caller, call: Call) -> None:
    """The next one signs from now on; whoever asks twice at once changes it once, and tokens go on."""

    def signing() -> list[str]:
        found = [entry["resource"] for entry in call("GET", "SigningKey").json()["entry"]]
        return [one["id"] for one in found if (one["alg"], one["state"]) == ("PS256", "current")]

    [before] = signing()
    old = caller.token("system/Patient.rs")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: call("POST", f"SigningKey/{before}/$rotate"), range(4)))
    assert sorted(one.status for one in answers) == [200, 409, 409, 409]
    [after] = signing()
    assert after != before
    retired = call("GET", f"SigningKey/{before}").json()
    assert retired["state"] == "retired"
    assert retired["leaves"] > retired["created"]
    for token in (old, caller.token("system/Patient.rs")):
        assert caller.get("Patient?_count=1", token).status == 200
    read = caller.token("system/SigningKey.rs", client="x")
    assert call("POST", f"SigningKey/{after}/$rotate", token=read).status == 403
    assert call("PUT", f"SigningKey/{after}", {"resourceType": "SigningKey", "id": after}).status == 405
    assert call("POST", "SigningKey/unknown/$rotate").status == 404
    assert "sealed" not in json.dumps(retired)


def test_pages(caller: Caller, call: Call, mark: str) -> None:
    ids = [f"{mark}-{number}" for number in range(3)]
    for id in ids:
        caller.client(id)
    seen: list[str] = []
    url = f"Client?_count=2&_after={mark}"
    while url and len(seen) < 3:
        bundle = call("GET", url).json()
        assert bundle["type"] == "searchset"
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        url = following[0].partition("/admin/")[2] if following else ""
    assert seen[:3] == ids
    for wrong in (
        "Client?_count=0", "Client?_count=x", "Client?name=x", "User?_id=1&_id=2", "Client/%00", "User?login=%00",
        "User?_after=%00",
    ):  # fmt: skip
        assert call("GET", wrong).status == 400
    assert call("GET", "Nonsense").status == 404


def test_what_is_done_is_told(caller: Caller, call: Call, mark: str) -> None:
    """Whoever administers, by REST or by command; without what was set."""
    caller.client(mark)
    officer = f"{mark}-service"
    strong, weak = (caller.token(f"system/Client.{one}", client=officer) for one in ("cruds", "rs"))
    assert call("PUT", f"Client/{mark}", service(mark, jwks=json.loads(jwks(RSA))), token=strong).status == 200
    assert call("PUT", f"Client/{mark}", service(mark), token=weak).status == 403
    assert call("GET", "User", token=weak).status == 403
    own = told(caller, f"client={officer}", 3)
    assert [event["subtype"][0]["display"] for event in own] == ["administration", "client-changed", "client-changed"]
    assert [event["outcome"] for event in own] == ["4", "4", "0"]
    assert {event["type"]["code"] for event in own} == {"110129"}
    done = caller.hub.command("user", "add", mark, "--name", "Ana Souza", "--role", "member")
    assert done.returncode == 0, done.stderr
    [done_by_command] = told(caller, f"subtype=person-changed&agent=operator:{operator()}", 1)[:1]
    assert "Souza" not in json.dumps(done_by_command)


def told(caller: Caller, query: str, least: int) -> list[dict[str, Any]]:
    """AuditEvents, newest first, once so many are sealed."""
    reader = caller.token("system/AuditEvent.rs", client="auditor")
    found: list[dict[str, Any]] = []

    def enough() -> bool:
        entries = caller.get(f"AuditEvent/$trail?{query}", reader).json().get("entry", ())
        found[:] = [entry["resource"] for entry in entries]
        return len(found) >= least

    caller.eventually(enough, 20)
    return found
