"""What a websocket may be bound to, by whom, and until when.

https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from fhir_server.outcome import Forbidden
from fhir_server.statement import Statement
from fhir_server.subscriptions.websocket import Limits
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.subscriptions.binding import bound, subscribed, until_delivered
from tests.fhir_server.subscriptions.conftest import Relaying, observation
from tests.fhir_server.subscriptions.listening_client import listener, websockets


async def test_r4_binds_by_id_and_is_pinged(relay: Relaying, url: str) -> None:
    resource = {
        "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": "Observation?code=8867-4",
        "channel": {"type": "websocket"},
    }  # fmt: skip
    id = (await relay.written("POST", "Subscription", resource))["id"]
    await relay.reaches(id, "active")
    async with listener(url, f"bind {id}") as client:
        assert await client.text() == f"bound {id}"
        await relay.written("POST", "Observation", observation(1))
        await relay.written("POST", "Observation", observation(1, code="other"))
        await relay.written("POST", "Observation", observation(2))
        assert [await client.text(), await client.text()] == [f"ping {id}"] * 2
        await until_delivered(relay)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("bind-with-token unknown", "token"),
        ("bind nobody", "no such Subscription"),
        ("bind {rest-hook}", "channel"),
        ("bind {topic}", "token"),
        ("subscribe", "a message is"),
        ("", "a message is"),
    ],
)
async def test_what_cannot_be_bound_closes(relay: Relaying, url: str, endpoint: Any, asked: str, reason: str) -> None:
    ids = {"rest-hook": await relay.subscribe(endpoint), "topic": await subscribed(relay)}
    async with listener(url, asked.format(**ids)) as client:
        outcome = json.loads(await client.text())
        assert reason in outcome["issue"][0]["diagnostics"]
        code, words = await client.ends()
        assert (code, reason in words) == (1008, True)


async def test_a_wrong_message_leaves_what_is_bound(relay: Relaying, url: str) -> None:
    id = await subscribed(relay)
    async with listener(url, await bound(relay, id), "bind-with-token wrong") as client:
        await client.bundle("handshake")
        assert json.loads(await client.text())["resourceType"] == "OperationOutcome"
        await relay.written("POST", "Observation", observation(1))
        assert len(await client.events(1)) == 1


async def expire(relay: Relaying, moment: str) -> None:
    async with relay.store.transaction(UNRESTRICTED) as unit:
        await unit.run([Statement(f"update subscription_token set expires = {moment}")])


async def test_tokens(relay: Relaying, url: str, endpoint: Any) -> None:
    id, hook = await subscribed(relay), await relay.subscribe(endpoint)
    for path, code in (
        (f"Subscription/{hook}/$get-ws-binding-token", 400),
        ("Subscription/nobody/$get-ws-binding-token", 404),
        (f"Subscription/$get-ws-binding-token?id={id}&id=nobody", 404),
        ("Subscription/$get-ws-binding-token?id=!", 400),
        ("Subscription/$get-ws-binding-token?other=1", 400),
    ):
        assert (await relay.client.get(path)).status_code == code, path
    one = await relay.client.post(f"Subscription/{id}/$get-ws-binding-token")
    assert [p["valueString"] for p in one.json()["parameter"] if p["name"] == "subscription"] == [id]
    secret = next(p["valueString"] for p in one.json()["parameter"] if p["name"] == "token")
    rows = await relay.store.select(Statement("select encode(hash, 'hex'), access from subscription_token"))
    assert secret not in str(rows)


async def test_what_a_token_bound_ends_with_it_unless_bound_again(relay: Relaying, url: str) -> None:
    id = await subscribed(relay)
    asked, soon = await bound(relay, id), "(extract(epoch from clock_timestamp()) * 1000000)::bigint + 500000"
    await expire(relay, soon)
    async with listener(url, asked) as client:
        await client.bundle("handshake")
        assert await client.ends() == (1000, "the token has expired")
    async with listener(url, asked) as client:
        assert "expired" in await client.text()
        assert (await client.ends())[0] == 1008
    short = await bound(relay, id)
    await expire(relay, soon)
    async with listener(url, short) as client:
        await client.bundle("handshake")
        await relay.written("POST", "Observation", observation(1))
        await client.events(1)
        await client.ask(await bound(relay, id))
        await client.bundle("handshake")
        await asyncio.sleep(0.7)
        await relay.written("POST", "Observation", observation(2))
        assert [event["event-number"] for event in await client.events(1)] == ["2"]


async def test_who_is_not_let_in(database: str, relay: Relaying, url: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with listener(url, origin="https://elsewhere.example"):  # type: ignore[arg-type]
            pass
    assert caught.value.response.status_code == 403
    assert json.loads(caught.value.response.body or b"")["issue"][0]["code"] == "forbidden"
    with pytest.raises(InvalidStatus) as caught:
        async with listener(url.replace("_websocket", "other")):
            pass
    assert caught.value.response.status_code == 404
    host = url.split("/")[2]
    async with listener(url, "bind nobody", origin=f"http://{host}") as client:  # type: ignore[arg-type]
        assert "no such Subscription" in await client.text()

    def nobody(headers: object) -> Any:
        raise Forbidden("this access grants nothing")

    async with websockets(database, access=nobody) as closed:
        with pytest.raises(InvalidStatus) as caught:
            async with listener(closed):
                pass
        assert caught.value.response.status_code == 403


async def test_no_more_than_may_be(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.switchboard.MOST", 1)
    async with websockets(database) as url, listener(url):
        with pytest.raises(InvalidStatus) as caught:
            async with listener(url):
                pass
        assert (caught.value.response.status_code, caught.value.response.headers["retry-after"]) == (503, "5")


async def test_nothing_bound_and_too_long(database: str, relay: Relaying) -> None:
    async with websockets(database, Limits(unbound=0.2)) as url:
        async with listener(url) as client:
            assert await client.ends() == (1008, "nothing was bound")
        async with listener(url, "x" * 5000) as client:
            assert (await client.ends())[0] == 1009
