"""Attacks on the conversations' API: it opens nothing that the FHIR API would not, and the audit trail knows of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smart_auth import revocations
from tests.attacks.caller import same
from tests.attacks.record import Record

SYSTEM = "https://austa.example/fhir"
NUMBER = {"identifier": {"system": f"{SYSTEM}/sid/whatsapp/numero", "value": "1"}}
SCOPES = "system/Task.rs system/Communication.rs"


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{SYSTEM}/CodeSystem/{system}", "code": code}]}


@pytest.fixture(scope="module")
def talk(record: Record) -> str:
    """The conversation of A, who has proved who they are: four messages, and a Task of the nurses that came of it."""
    mark = record.mark
    who = {"identifier": {"system": f"{SYSTEM}/sid/whatsapp/usuario", "value": mark}}
    member = {"reference": f"Patient/{record.a}", **who}
    task = {"resourceType": "Task", "status": "in-progress", "intent": "order", "for": member}
    id = f"talk-{mark}"
    record.put({
        **task, "id": id, "code": coded("tarefa", "conversation"),
        "businessStatus": coded("estado-da-conversa", "interview"),
        "identifier": [{"system": f"{SYSTEM}/sid/whatsapp/conversa", "value": f"1:{mark}"}],
    })  # fmt: skip
    record.put({
        **task, "id": f"callback-{mark}", "code": coded("tarefa", "nurse-callback"),
        "partOf": [{"reference": f"Task/{id}"}],
    })  # fmt: skip
    wrote = {"sender": who, "recipient": [NUMBER]}
    said = {"sender": NUMBER, "recipient": [who], "basedOn": [{"display": "x"}]}
    mine, phq = {"subject": {"reference": f"Patient/{record.a}"}}, {"security": [{"code": "PSY", "system": PSY}]}
    for name, at, more in (
        ("one", "12:00:00Z", wrote), ("two", "12:00:01.500Z", said), ("three", "12:00:01Z", wrote | mine),
        ("four", "12:00:02Z", wrote | mine | {"meta": phq}), ("unsent", None, said),
    ):  # fmt: skip
        record.put({
            "resourceType": "Communication", "id": f"{name}-{mark}", "status": "completed",
            "payload": [{"contentString": f"words-{name}-{mark}"}], **more,
            **({"sent": f"2026-01-01T{at}"} if at else {}),
        })  # fmt: skip
    return id


PSY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def read(record: Record, id: str, token: str) -> tuple[int, list[str]]:
    """Status, and the names of what is shown."""
    answer = record.caller.get(f"/api/v1/conversations/{id}", token)
    if answer.status != 200:
        assert b"words" not in answer.body
        return answer.status, []
    return 200, [one["reference"].split("/")[1].partition("-")[0] for one in answer.json()["messages"]]


def test_it_is_in_the_order_of_the_channel(record: Record, talk: str) -> None:
    token = record.caller.token(SCOPES)
    everything = ["unsent", "four", "two", "three", "one"]
    assert read(record, talk, token) == (200, everything)
    for count in range(1, 7):
        url, found = f"/api/v1/conversations/{talk}?count={count}", []
        while url:
            page = record.caller.get(url, token).json()
            found += [one["reference"].split("/")[1].partition("-")[0] for one in page["messages"]]
            url = page["next"] and page["next"][page["next"].index("/api/") :]
        assert found == everything, count


def test_it_shows_what_the_fhir_api_shows(record: Record, talk: str) -> None:
    mark = record.mark
    for scope, more in (
        ("system/*.rs", {}), ("system/Task.rs system/Communication.rs?_security=PSY", {}),
        ("patient/*.rs", {"patient": record.a}), ("patient/*.rs", {"patient": record.b}),
        ("user/*.rs", {"roles": ("nurse",), "fhir_user": f"Practitioner/doctor-{mark}"}),
        ("user/*.rs", {"roles": ("physician",), "fhir_user": f"Practitioner/doctor-{mark}"}),
        ("user/*.rs", {"roles": ("service-desk",)}), ("user/*.rs", {"roles": ("operator",)}),
        ("user/*.rs", {"roles": ("member",), "fhir_user": f"Patient/{record.a}"}), ("user/*.rs", {"roles": ("sales",)}),
    ):  # fmt: skip
        token = record.caller.token(scope, subject=f"s-{mark}", **more)
        task, callback = (record.caller.get(f"Task/{id}", token).status for id in (talk, f"callback-{mark}"))
        status, found = read(record, talk, token)
        if 200 not in (task, callback):
            assert status in (403, 404), (scope, more)
            continue
        searched = record.shown("Communication?_count=100", token)
        expected = {
            name for name in ("one", "two", "three", "four", "unsent") if f"Communication/{name}-{mark}" in searched
        }
        assert (status, set(found)) == (200, expected), (scope, more)
        state = record.caller.get(f"/api/v1/conversations/{talk}", token).json()["state"]
        assert state == ("interview" if task == 200 else None), (scope, more)


def test_what_is_hidden_and_what_is_not_there_look_alike(record: Record, talk: str) -> None:
    stranger = record.caller.token("system/*.rs?_security=HIV")
    ways = ("nobody", f"lab-a-{record.mark}", talk, f"task-{record.a}", "..%2FPatient%2Fx")
    answers = [record.caller.get(f"/api/v1/conversations/{id}", stranger) for id in ways]
    assert {answer.status for answer in answers} == {404}
    assert same(answers[0], answers[2])
    assert same(answers[0], answers[1])


def test_tokens_that_do_not_hold(record: Record, talk: str) -> None:
    caller = record.caller
    path = f"/api/v1/conversations/{talk}"
    good = caller.token(SCOPES, seconds=3600)
    header, payload, signature = good.split(".")
    for bad in (
        "",
        "x",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        caller.token(SCOPES, seconds=-400),
    ):
        answer = caller.get(path, bad)
        assert answer.status == 401, bad
        assert "www-authenticate" in answer.headers
    assert caller.hub.client.request("GET", path).status == 401
    assert caller.get(f"{path}?access_token={good}", good).status == 400
    ended = caller.token(SCOPES, id=f"ended-{record.mark}")
    assert caller.get(path, ended).status == 200
    with caller.engine.begin() as connection:
        revocations.revoke(connection, f"grant:ended-{record.mark}")
    caller.eventually(lambda: caller.get(path, ended).status == 401)


def test_who_read_it_is_in_the_audit_trail(record: Record, talk: str) -> None:
    token = record.caller.token(SCOPES, client=f"reads-{record.mark}")
    assert read(record, talk, token)[0] == 200
    found = record.events(f"AuditEvent/$trail?client=reads-{record.mark}", record.operator, 4)
    assert f"Communication/one-{record.mark}" in json.dumps(found)
    own = record.caller.token("patient/*.rs", client=f"tries-{record.mark}", patient=record.b)
    assert read(record, talk, own)[0] == 403
    found = record.events(f"AuditEvent/$trail?client=tries-{record.mark}", record.operator, 1)
    assert "4" in {one["outcome"] for one in found}


def test_without_a_channel_nothing_is_sent(record: Record) -> None:
    answer = record.caller.get("/api/v1/messages/send", record.operator, "POST", {}, Idempotency_Key="x")
    assert (answer.status, answer.json()["issue"][0]["code"]) == (422, "not-supported")
