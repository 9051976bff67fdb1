"""A client that is slow, silent or too far behind; and a burst that is more than is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fhir_server.dispatch import perform
from fhir_server.exchange import FhirRequest
from hub.api import happenings, told
from hub.api.happenings import Happening, Happenings
from hub.api.told import AGAIN, REFUSED, WAITING, Client, Closed
from hub.compose import server
from hub.settings import Settings
from mappings.identifiers import Systems
from smart_auth.bearer import TokenRefused
from smart_auth.scopes import NOBODY, UNRESTRICTED

REQUEST = FhirRequest("GET", ("ws", "conversations"), [], {}, NOBODY)
SYSTEMS = Systems()


def event(number: int) -> Happening:
    return Happening(number, 1, "message", "talk", f"Communication/{number}")


class Ends:
    """Both ends of a websocket of which the test is the client."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.taken, self.said = asyncio.Event(), asyncio.Queue[Any]()
        self.taken.set()
        self.noted: list[Any] = []

    async def send(self, message: Any) -> None:
        await self.taken.wait()
        self.sent.append(message)

    async def holds(self, token: str) -> object:
        return token

    async def note(self, request: FhirRequest, status: int, address: str, found: Any) -> None:
        self.noted += found

    def client(self, token: str | None = None) -> Client:
        return Client(REQUEST, token, "127.0.0.1", self.said.get, self.send)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "QUIET", 0.05)
    monkeypatch.setattr(told, "PATIENCE", 0.2)
    monkeypatch.setattr(told, "EVERY", 0.02)


async def closed(client: Client, ends: Ends, holds: Any = None) -> Closed:
    with pytest.raises(Closed) as found:
        async with asyncio.timeout(10):
            await client.speak(holds or ends.holds, ends.note)
    return found.value


async def test_who_is_too_far_behind_comes_back() -> None:
    ends = Ends()
    client = ends.client()
    client.offer([event(number) for number in range(WAITING + 1)], missed=False)
    assert (await closed(client, ends)).code == AGAIN
    assert [json.loads(one["text"]) for one in ends.sent] == [{"event": "ready"}]


async def test_who_does_not_take_what_is_sent_comes_back() -> None:
    ends = Ends()
    client = ends.client()
    ends.taken.clear()
    assert (await closed(client, ends)).code == AGAIN


async def test_who_does_not_answer_a_ping_comes_back_and_who_does_stays() -> None:
    ends = Ends()
    assert (await closed(ends.client(), ends)).code == AGAIN
    assert [one["type"] for one in ends.sent] == ["websocket.send", "websocket.ping"]
    lively = Ends()
    client = lively.client()
    speaking, hearing = asyncio.create_task(client.speak(lively.holds, lively.note)), asyncio.create_task(client.hear())
    for _ in range(20):
        await asyncio.sleep(0.05)
        lively.said.put_nowait({"type": "websocket.pong", "bytes": bytes(8)})
    assert not speaking.done()
    lively.said.put_nowait({"type": "websocket.receive", "text": "x"})
    with pytest.raises(Closed) as found:
        await hearing
    assert found.value.code == REFUSED
    speaking.cancel()


async def test_it_is_noted_before_it_is_told_and_not_told_once_the_token_has_ended() -> None:
    ends = Ends()
    client = ends.client("token")
    client.offer([event(1)], missed=True)

    async def holds(token: str) -> object:
        if ends.noted:
            raise TokenRefused("ended")
        return token

    assert (await closed(client, ends, holds)).code == REFUSED
    assert ends.noted == [event(1)]
    client.offer([event(2)], missed=False)
    assert (await closed(client, ends, holds)).code == REFUSED
    whole = [json.loads(one["text"])["event"] for one in ends.sent]
    assert whole == ["ready", "message", "missed", "ready"]


async def test_a_burst_is_passed_over_and_what_comes_after_it_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    fhir = server(Settings(database_url=database), database)
    await fhir.store.learn()
    try:
        made = [_task(f"t{number}") for number in range(8)]
        moment = fhir.now()
        for one in (fhir, fhir.store):
            monkeypatch.setattr(one, "now", lambda: moment)
        looking = Happenings(fhir, SYSTEMS)
        await looking.begin()
        monkeypatch.setattr(happenings, "MOST", 5)
        monkeypatch.setattr(happenings, "OVERLAP", 100_000)
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": one, "request": {"method": "PUT", "url": f"Task/{one['id']}"}} for one in made
        ]}  # fmt: skip
        await _write(fhir, "POST", (), bundle)
        found, missed = await looking.look()
        assert (len(found), missed) == (5, True)
        moment += 200_000
        assert await looking.look() == ([], True)  # the burst is still where is looked back
        moment += 200_000
        await _write(fhir, "PUT", ("Task", "after"), _task("after"))
        found, missed = await looking.look()
        assert ([one.reference for one in found], missed) == (["Task/after"], False)
        assert await looking.look() == ([], False)
    finally:
        fhir.store.close()


def _task(id: str) -> Any:
    return {
        "resourceType": "Task", "id": id, "status": "in-progress", "intent": "order",
        "code": {"coding": [{"system": SYSTEMS.codes("tarefa"), "code": "conversation"}]},
    }  # fmt: skip


async def _write(fhir: Any, method: str, path: tuple[str, ...], resource: Any) -> None:
    body = json.dumps(resource).encode()
    headers = {"content-type": "application/fhir+json"}
    await perform(fhir, FhirRequest(method, path, [], headers, UNRESTRICTED, body=body, base=fhir.base))
