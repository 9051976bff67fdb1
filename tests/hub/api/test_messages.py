"""Another system writes to members and reads conversations: over sockets, to a simulated telephone and back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
from typing import Any

import httpx2
import pytest

from mappings.identifiers import Systems
from tests.attacks.caller import Caller
from tests.hub.whatsapp.joined import Joined
from tests.hub.whatsapp.test_conversing import Phone, until
from tests.hub_process import ROOT, Answer

Json = Any
SYSTEMS = Systems()
SCOPES = "system/Task.rs system/Communication.rs system/CommunicationRequest.crs system/Patient.rs"
PHONE = {"system": SYSTEMS.sid("telefone"), "value": "5517988880009"}
NOTICE = {"to": {"identifier": PHONE}, "category": "authorization", "text": "Bom dia"}


@pytest.fixture(scope="module")
def token(caller: Caller) -> str:
    return caller.token(SCOPES, seconds=3600)


def send(caller: Caller, token: str, body: Any, key: str | None = None) -> Answer:
    headers = {} if key == "" else {"Idempotency_Key": key or secrets.token_hex(8)}
    return caller.get("/api/v1/messages/send", token, "POST", body, **headers)


def sid(name: str) -> str:
    return SYSTEMS.sid(name)


@pytest.mark.parametrize(
    ("changed", "status", "element"),
    [
        ({"to": None}, 400, "to"), ({"to": {}}, 422, "to"), ({"to": {"patient": "x"}}, 422, "to.patient"),
        ({"to": {"patient": "Patient/nobody"}}, 422, "to.patient"), ({"to": {"patient": 1}}, 422, "to.patient"),
        ({"to": {"patient": "Patient/1", "identifier": PHONE}}, 422, "to"),
        ({"to": {"identifier": {**PHONE, "system": "urn:x"}}}, 422, "to.identifier.system"),
        ({"to": {"identifier": {**PHONE, "value": "nobody"}}}, 422, "to.identifier.value"),
        ({"to": {"identifier": {**PHONE, "use": "x"}}}, 400, "to.identifier"),
        ({"category": "sales"}, 422, "category"), ({"category": None}, 422, "category"),
        ({"category": ["answer"]}, 422, "category"), ({"category": "answer"}, 422, "category"),
        ({"priority": "asap"}, 422, "priority"), ({"category": "wellness", "priority": "urgent"}, 422, "priority"),
        ({"text": ""}, 422, "text"), ({"text": "x" * 4097}, 422, "text"), ({"text": "a\u0007"}, 422, "text"),
        ({"template": "authorization"}, 422, "text"), ({"slots": {}}, 422, "slots"), ({"secret": 1}, 400, None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    caller: Caller, token: str, changed: Json, status: int, element: str | None
) -> None:  # fmt: skip
    answer = send(caller, token, NOTICE | changed)
    assert answer.status == status, answer.body
    [issue] = answer.json()["issue"]
    assert issue.get("expression") == (None if element is None else [element])
    assert "nobody" not in issue["diagnostics"]


@pytest.mark.parametrize(
    ("body", "element"),
    [
        ({"template": "authorization", "slots": {}}, "slots.protocol"),
        ({"template": "authorization", "slots": {"protocol": "1", "x": "2"}}, "slots"),
        ({"template": "unknown"}, "template"), ({}, "text"),
        ({"template": "reminder", "category": "wellness"}, "category"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_template_is_named(caller: Caller, token: str, body: Json, element: str) -> None:
    answer = send(caller, token, {"to": {"identifier": PHONE}, **body})
    assert (answer.status, answer.json()["issue"][0]["expression"]) in ((422, [element]), (400, [element]))


def test_bodies_and_paths_that_are_none(caller: Caller, token: str) -> None:
    for body in (b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"null"):
        assert send(caller, token, body).status == 400
    assert send(caller, token, b"[" * 70_000).status == 413
    assert send(caller, token, NOTICE, "").json()["issue"][0]["expression"] == ["Idempotency-Key"]
    assert send(caller, token, NOTICE, "two words").status == 400
    assert caller.get("/api/v1/messages/send", token).headers["allow"] == "POST"
    for path in ("/api/v1/", "/api/v1/messages", "/api/v1/conversations/", "/api/v1/conversations/a/b"):
        assert caller.get(path, token).status in (404, 405), path
    for query in ("count=0", "count=201", "count=x", "cursor=x", "cursor=", "cursor=%00", "x=1", "count=1&count=2"):
        assert caller.get(f"/api/v1/conversations/x?{query}", token).status in (400, 404), query


def test_the_same_key_is_the_same_message(caller: Caller, token: str) -> None:
    body, key = {**NOTICE, "to": {"identifier": {**PHONE, "value": "+55 (17) 98888-0010"}}}, secrets.token_hex(8)
    first, again = send(caller, token, body, key), send(caller, token, dict(reversed(body.items())), key)
    assert (first.status, again.status) == (202, 202)
    assert first.json()["reference"] == again.json()["reference"]
    assert [one.json()["repeated"] for one in (first, again)] == [False, True]
    other = send(caller, token, body | {"text": "another"}, key)
    assert (other.status, other.json()["issue"][0]["expression"]) == (409, ["Idempotency-Key"])
    elsewhere = caller.token(SCOPES, client="elsewhere")
    assert send(caller, elsewhere, body | {"text": "another"}, key).json()["repeated"] is False
    made = caller.get(first.json()["reference"], token).json()
    assert made["recipient"] == [{"identifier": {**PHONE, "value": "5517988880010"}}]
    assert made["requester"] == {"identifier": {"system": sid("cliente"), "value": "app"}}
    assert made["sender"]["identifier"]["value"] == dict(caller_numbers(caller))["authorization"]


def caller_numbers(caller: Caller) -> list[tuple[str, str]]:
    return [tuple(one.split("=")) for one in caller.hub.settings["whatsapp_numbers"].split(",")]  # type: ignore[misc]


def test_a_patient_is_written_to_by_their_own_number(caller: Caller, token: str) -> None:
    writing = caller.token("system/*.cruds")
    number = {"system": "phone", "value": "+55 17 98888-0011", "use": "mobile"}
    for id, telecom in (("reached", [number]), ("unreached", [])):
        more = {"telecom": telecom} if telecom else {}
        assert caller.get(f"Patient/{id}", writing, "PUT", {"resourceType": "Patient", "id": id, **more}).status == 201
    body = {"to": {"patient": "Patient/reached"}, "template": "authorization", "slots": {"protocol": "77{0}"}}
    made = caller.get(send(caller, token, body).json()["reference"], token).json()
    assert made["subject"] == {"reference": "Patient/reached"}
    assert made["recipient"][0]["identifier"] == {**PHONE, "value": "5517988880011"}
    assert "77{0}" in made["payload"][0]["contentString"]
    assert made["category"][0]["coding"][0]["code"] == "authorization"
    unreached = send(caller, token, {**body, "to": {"patient": "Patient/unreached"}})
    assert unreached.json()["issue"][0]["expression"] == ["to.patient"]


@pytest.fixture
async def talk(joined: Joined, caller: Caller, token: str) -> tuple[str, Json]:
    """A conversation: its Task's id, and the member's identity."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        number = f"5517988{secrets.randbelow(900_000) + 100_000}"
        ana = Phone(joined, http, number)
        said = await ana.writes("oi")
        await ana.hears(1)
        [wrote] = caller.get(f"Communication?identifier={said}", token).json()["entry"]
        name = wrote["resource"]["sender"]["identifier"]["value"]
        number = wrote["resource"]["recipient"][0]["identifier"]["value"]
        url = f"Task?identifier={sid('whatsapp/conversa')}|{number}:{name}"

        async def there() -> Json:
            found = caller.get(url, token).json()
            return next((one["resource"] for one in found.get("entry", ())), None)

        task = await until(there)
        who = task["for"]["identifier"]
        body = {"to": {"identifier": who}, "category": "answer", "text": "Uma pessoa\nresponde"}
        answer = send(caller, token, body, f"k{task['id']}")
        assert answer.status == 202, answer.body
        assert await ana.hears(2) == "Uma pessoa\nresponde"
        return task["id"], who


async def test_a_conversation_is_read_with_both_directions(
    caller: Caller, token: str, talk: tuple[str, Json]
) -> None:  # fmt: skip
    id, who = talk

    async def delivered() -> Json:
        found = caller.get(f"/api/v1/conversations/{id}", token)
        assert found.status == 200, found.body
        newest = found.json()["messages"][0]
        return found.json() if newest["reached"] in ("delivered", "read") else None

    whole = await until(delivered)
    assert (whole["id"], whole["member"]["identifier"], whole["next"]) == (id, who, None)
    assert whole["state"] == caller.get(f"Task/{id}", token).json()["businessStatus"]["coding"][0]["code"]
    newest, *_, oldest = whole["messages"]
    assert (oldest["direction"], oldest["text"], oldest["reached"]) == ("in", ["oi"], None)
    assert (newest["direction"], newest["text"], newest["status"]) == ("out", ["Uma pessoa\nresponde"], "completed")
    times = [one["at"] for one in whole["messages"]]
    assert times == sorted(times, reverse=True)
    paged, url = [], f"/api/v1/conversations/{id}?count=1"
    while url:
        page = caller.get(url, token).json()
        assert len(page["messages"]) <= 1
        paged += page["messages"]
        url = page["next"] and page["next"].partition(str(caller.hub.port))[2]
    assert [one["reference"] for one in paged] == [one["reference"] for one in whole["messages"]]


async def test_scopes_are_those_of_the_resources(caller: Caller, token: str, talk: tuple[str, Json]) -> None:
    path = f"/api/v1/conversations/{talk[0]}"
    for scope in ("system/Communication.rs", "system/Task.rs", "system/Patient.rs", "openid"):
        answer = caller.get(path, caller.token(scope))
        assert answer.status == 403, scope
        assert b"oi" not in answer.body
    for scope in ("system/CommunicationRequest.rs", "system/CommunicationRequest.c", "system/*.rs", "patient/*.cruds"):
        more: dict[str, Any] = {"patient": "reached"} if scope.startswith("patient") else {}
        assert send(caller, caller.token(scope, **more), NOTICE).status == 403, scope


async def test_the_examples_run_as_they_stand(caller: Caller, talk: tuple[str, Json]) -> None:
    number = {"system": "phone", "value": "+55 17 98888-0012", "use": "mobile"}
    one = {"resourceType": "Patient", "id": "1", "telecom": [number]}
    assert caller.get("Patient/1", caller.token("system/*.cruds"), "PUT", one).status == 201
    token = caller.token(f"{SCOPES} system/Analysis.r")
    values = {"HUB": caller.site.fhir_base.removesuffix("/fhir"), "TOKEN": token, "ID": talk[0]}
    examples = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S)
    assert len(examples) == 4
    for example in examples:
        command = example.replace("curl ", "curl --silent --show-error --fail-with-body --noproxy '*' ", 1)
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", command], env=os.environ | values, capture_output=True, timeout=30
        )  # fmt: skip
        assert done.returncode == 0, (example, done.stdout, done.stderr)
        assert "issue" not in json.loads(done.stdout)
