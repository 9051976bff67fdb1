"""The websocket of conversations: who is told what, with which tokens, and when it ends."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from hub.api.told import EVERY
from smart_auth import revocations
from tests.attacks.record import Record
from tests.attacks.test_conversations import NUMBER, SYSTEM, coded

SCOPES = "system/Task.rs system/Communication.rs"


def url(record: Record) -> str:
    return record.caller.site.fhir_base.replace("http", "ws", 1).replace("/fhir", "/ws/conversations")


@contextmanager
def listening(record: Record, token: str, **more: Any) -> Iterator[ClientConnection]:
    with connect(url(record), additional_headers={"Authorization": f"Bearer {token}"}, **more) as socket:
        assert said(socket) == {"event": "ready"}
        yield socket


def said(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=10))


class Talk:
    """A conversation that goes on."""

    def __init__(self, record: Record) -> None:
        self.record, self.name = record, secrets.token_hex(6)
        self.id, self.who = (
            f"talk-{self.name}",
            {"identifier": {"system": f"{SYSTEM}/sid/telefone", "value": self.name}},
        )
        self.stands("new")

    def stands(self, state: str) -> None:
        self.record.put({
            "resourceType": "Task", "id": self.id, "status": "in-progress", "intent": "order", "for": self.who,
            "code": coded("tarefa", "conversation"), "businessStatus": coded("estado-da-conversa", state),
            "identifier": [{"system": f"{SYSTEM}/sid/whatsapp/conversa", "value": f"1:{self.name}"}],
        })  # fmt: skip

    def message(self, name: str, *, ours: bool = False, **more: Any) -> str:
        ends = {"sender": NUMBER, "recipient": [self.who], "basedOn": [{"display": "x"}]} if ours else {
            "sender": self.who, "recipient": [NUMBER]
        }  # fmt: skip
        self.record.put({
            "resourceType": "Communication", "id": f"{name}-{self.name}", "status": "completed",
            "payload": [{"contentString": "words"}], **ends, **more,
        })  # fmt: skip
        return f"Communication/{name}-{self.name}"

    def told(self, what: str, reference: str) -> Any:
        return {"event": what, "conversation": self.id, "reference": reference}


@pytest.fixture
def talk(record: Record) -> Talk:
    found = Talk(record)
    time.sleep(2 * EVERY)  # or its beginning is news to who connects at this moment
    return found


def test_what_happens_is_told_in_ids_alone(record: Record, talk: Talk) -> None:
    with listening(record, record.caller.token(SCOPES)) as socket:
        one = talk.message("one")
        assert said(socket) == talk.told("message", one)
        two = talk.message("two", ours=True, status="in-progress")
        assert said(socket) == talk.told("message", two)
        talk.message("two", ours=True)
        assert said(socket) == talk.told("status", two)
        talk.stands("interview")
        assert said(socket) == talk.told("state", f"Task/{talk.id}")
        callback = f"callback-{talk.name}"
        record.put({
            "resourceType": "Task", "id": callback, "status": "requested", "intent": "order", "for": talk.who,
            "code": coded("tarefa", "nurse-callback"), "partOf": [{"reference": f"Task/{talk.id}"}],
        })  # fmt: skip
        assert said(socket) == talk.told("task", f"Task/{callback}")
        talk.message("one", note=[{"text": "x"}])
        assert said(socket) == talk.told("changed", one)


def test_each_is_told_what_they_may_read(record: Record, talk: Talk) -> None:
    narrow = record.caller.token("system/Communication.rs?_security=PSY")
    own = record.caller.token("patient/Communication.rs", patient=record.a)
    stranger = record.caller.token("patient/Communication.rs", patient=record.b)
    psy = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]}}
    with (
        listening(record, narrow) as labelled, listening(record, own) as mine,
        listening(record, stranger) as theirs, listening(record, record.caller.token(SCOPES)) as everything,
    ):  # fmt: skip
        talk.stands("interview")
        one = talk.message("one")
        two = talk.message("two", subject={"reference": f"Patient/{record.a}"})
        three = talk.message("three", **psy)
        four = talk.message("four", subject={"reference": f"Patient/{record.b}"})
        state = talk.told("state", f"Task/{talk.id}")
        found = [talk.told("message", each) for each in (one, two, three, four)]
        assert [said(everything) for _ in range(5)] == [state, *found]
        assert said(mine) == found[1]
        assert said(labelled) == found[2]
        assert said(theirs) == found[3]
        for socket in (mine, labelled, theirs):
            with pytest.raises(TimeoutError):
                socket.recv(timeout=1)


def test_a_browser_sends_its_token_first(record: Record, talk: Talk) -> None:
    with connect(url(record)) as socket:
        socket.send(json.dumps({"token": record.caller.token(SCOPES)}))
        assert said(socket) == {"event": "ready"}
        assert said_after(socket, talk) == talk.told("message", f"Communication/one-{talk.name}")
    for first in (
        "",
        "x",
        "[]",
        '{"token": 1}',
        '{"token": "x"}',
        json.dumps({"token": record.caller.token("openid")}),
    ):
        with connect(url(record)) as socket:
            socket.send(first)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008, first


def said_after(socket: ClientConnection, talk: Talk) -> Any:
    talk.message("one")
    return said(socket)


def test_who_may_not_is_not_let_in(record: Record) -> None:
    caller = record.caller
    for token in ("x", caller.token("openid"), caller.token("system/Patient.rs"), caller.token(SCOPES, seconds=-400)):
        with pytest.raises(InvalidStatus) as refused, listening(record, token):
            pass
        assert refused.value.response.status_code == 403, token
    with (
        pytest.raises(InvalidStatus) as refused,
        listening(record, caller.token(SCOPES), origin="https://else.example"),
    ):
        pass
    assert refused.value.response.status_code == 403
    for path in ("/ws", "/ws/conversations/x", "/api/v1/conversations"):
        with pytest.raises(InvalidStatus) as refused, connect(url(record).replace("/ws/conversations", path)):
            pass
        assert refused.value.response.status_code == 404, path


def test_it_ends_with_the_token(record: Record, talk: Talk) -> None:
    caller, grant = record.caller, f"ended-{record.mark}"
    with listening(record, caller.token(SCOPES, id=grant, seconds=3600)) as socket:
        with caller.engine.begin() as connection:
            revocations.revoke(connection, f"grant:{grant}")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    with listening(record, caller.token(SCOPES, seconds=-28)) as socket:  # clocks may be 30 s apart
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    with listening(record, caller.token(SCOPES)) as socket:
        socket.send("anything")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)


def test_what_was_told_is_in_the_audit_trail(record: Record, talk: Talk) -> None:
    client = f"hears-{record.mark}"
    with listening(record, record.caller.token(SCOPES, client=client)) as socket:
        assert said_after(socket, talk) == talk.told("message", f"Communication/one-{talk.name}")
    found = record.events(f"AuditEvent/$trail?client={client}", record.operator, 2)
    assert f"Communication/one-{talk.name}" in json.dumps(found)
