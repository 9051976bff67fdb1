"""Websockets from the write to the client: another worker relays, PostgreSQL tells, a real client reads.

https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from fhir_server.statement import Statement
from fhir_server.subscriptions.switchboard import Switchboard
from fhir_server.subscriptions.websocket import Limits
from fhir_server.validation import validate
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.conftest import BASE
from tests.fhir_server.subscriptions.binding import bound, subscribed, undelivered, until_delivered
from tests.fhir_server.subscriptions.conftest import BACKPORT, Relaying, observation, topic
from tests.fhir_server.subscriptions.listening_client import listener, status, websockets


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
async def test_handshake_and_events(relay: Relaying, url: str, content: str) -> None:
    id = await subscribed(relay, content, "Observation?code=8867-4")
    async with listener(url, await bound(relay, id)) as client:
        handshake = await client.bundle()
        told = status(handshake)
        assert (told["type"], told["status"], told["events-since-subscription-start"]) == ("handshake", "active", "0")
        assert told["subscription"] == {"reference": f"{BASE}/Subscription/{id}"}
        stored = await relay.written("PUT", "Observation/a", observation(1, "a"))
        await relay.written("PUT", "Observation/b", observation(2, "b", code="other"))
        await relay.client.delete("Observation/a")
        first, second = await client.events(2)
        assert [first["event-number"], second["event-number"]] == ["1", "2"]
        assert ("focus" in first) == (content != "empty")
        assert first["entry"].get("resource") == (stored if content == "full-resource" else None)
        if content != "empty":
            assert second["entry"]["request"] == {"method": "DELETE", "url": "Observation/a"}
        await until_delivered(relay)
        assert [issue for issue in validate(handshake) if issue.severity == "error"] == []


async def test_several_subscriptions_on_one_websocket(relay: Relaying, url: str) -> None:
    one = await subscribed(relay, "id-only", "Observation?status=final")
    other = await subscribed(relay, "id-only", "Patient?")
    async with listener(url, await bound(relay)) as client:
        shaken = [status(await client.bundle()) for _ in range(2)]
        assert {told["subscription"]["reference"] for told in shaken} == {
            f"{BASE}/Subscription/{id}" for id in (one, other)
        }
        for _ in range(10):
            await relay.written("POST", "Observation", observation(1))
            await relay.written("POST", "Patient", {"resourceType": "Patient"})
        numbers: dict[str, list[int]] = {one: [], other: []}
        while sum(map(len, numbers.values())) < 20:
            told = status(await client.bundle("event-notification"))
            name = told["subscription"]["reference"].rpartition("/")[2]
            numbers[name] += [int(event["event-number"]) for event in told["events"]]
        assert numbers == {one: list(range(1, 11)), other: list(range(1, 11))}


async def test_who_comes_back_gets_what_it_missed(relay: Relaying, url: str) -> None:
    id = await subscribed(relay, "full-resource")
    async with listener(url, await bound(relay, id)) as client:
        await client.bundle("handshake")
        await relay.written("PUT", "Observation/a", observation(0, "a"))
        await client.events(1)
        await until_delivered(relay)
    for value in range(1, 60):
        await relay.written("PUT", "Observation/a", observation(value, "a"))
    async with listener(url, await bound(relay, id)) as client:
        await client.bundle("handshake")
        found = await client.events(59)
        assert [int(event["event-number"]) for event in found] == list(range(2, 61))
        assert [event["entry"]["resource"]["valueInteger"] for event in found] == list(range(1, 60))
        await until_delivered(relay)
    again = await relay.client.get(f"Subscription/{id}/$events?eventsSinceNumber=58&content=full-resource")
    assert [entry["resource"]["valueInteger"] for entry in again.json()["entry"][1:]] == [57, 58, 59]


async def test_what_was_sent_and_not_read_is_not_delivered(database: str, relay: Relaying) -> None:
    """A client that stops reading is closed with a code; what it had not read comes again to the next one."""
    limits = Limits(messages=4, size=100_000, patience=1.0)
    log: list[dict[str, object]] = []
    async with websockets(database, limits, log=log.append) as url:
        id = await subscribed(relay, "full-resource")
        note = "x" * 200_000
        async with listener(url, await bound(relay, id), max_queue=1) as client:
            await client.bundle("handshake")
            for value in range(40):
                await relay.written(
                    "PUT", f"Observation/{value}", observation(value, str(value), note=[{"text": note}])
                )
            await asyncio.sleep(1.5)
            assert await undelivered(relay) > 20, "nobody has read them"
            with suppress(ConnectionClosed):
                while True:
                    await client.text()
            assert (await client.ends())[0] == 1013
        assert log[-1]["code"] == 1013
        assert id not in str(log)
        async with listener(url, await bound(relay, id)) as client:
            numbers = set[str]()
            while "40" not in numbers:
                numbers |= {event["event-number"] for event in await client.events(1)}
            await until_delivered(relay)


async def test_who_reads_nothing_any_more_is_let_go(
    database: str, relay: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither reading nor closing: the server does not hold the connection for ever."""
    monkeypatch.setattr("hub.websocket_protocol.CLOSE_SECONDS", 0.3)
    async with websockets(database, Limits(patience=0.5)) as url:
        port = urlsplit(url).port

        def held() -> bool:
            found = psutil.Process().net_connections("tcp")
            return any(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in found)

        id = await subscribed(relay)
        async with listener(url, await bound(relay, id), max_queue=1, close_timeout=1) as client:
            await client.bundle("handshake")
            client.connection.transport.pause_reading()
            await relay.written("POST", "Observation", observation(1, note=[{"text": "x" * 1_000_000}] * 8))
            assert held()
            for _ in range(200):
                if not held():
                    break
                await asyncio.sleep(0.05)
            assert not held()
        assert await undelivered(relay) == 1


async def test_a_slow_reader_loses_nothing(database: str, relay: Relaying) -> None:
    async with websockets(database, Limits(messages=2, size=10_000, patience=5)) as url:
        id = await subscribed(relay, "full-resource")
        async with listener(url, await bound(relay, id), max_queue=1) as client:
            await client.bundle("handshake")
            found: list[dict[str, Any]] = []

            async def read() -> None:
                while len(found) < 60:
                    found.extend(await client.events(1))
                    await asyncio.sleep(0.02)

            reading = asyncio.create_task(read())
            for value in range(60):
                await relay.written("PUT", f"Observation/{value % 3}", observation(value, str(value % 3)))
            await reading
        assert [int(event["event-number"]) for event in found] == list(range(1, 61))
        assert [event["entry"]["resource"]["valueInteger"] for event in found] == list(range(60))


async def test_long_content_comes_a_little_at_a_time(
    relay: Relaying, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.events.CONTENT", 1)
    id = await subscribed(relay)
    for value in range(6):
        await relay.written("PUT", "Observation/a", observation(value, "a"))
    async with listener(url, await bound(relay, id)) as client:
        await client.bundle("handshake")
        assert [event["event-number"] for event in await client.events(6)] == ["1", "2", "3", "4", "5", "6"]


async def test_two_clients_of_one_subscription_both_get_it(relay: Relaying, url: str) -> None:
    id = await subscribed(relay)
    async with listener(url, await bound(relay, id)) as one, listener(url, await bound(relay, id)) as other:
        for client in (one, other):
            await client.bundle("handshake")
        for value in range(5):
            await relay.written("POST", "Observation", observation(value))
        for client in (one, other):
            assert [event["event-number"] for event in await client.events(5)] == ["1", "2", "3", "4", "5"]


async def test_heartbeat_and_quiet(database: str, relay: Relaying) -> None:
    beat = {"url": f"{BACKPORT}heartbeat-period", "valueUnsignedInt": 1}
    async with websockets(database, Limits(quiet=0.1, patience=1)) as url:
        id = await subscribed(relay, "empty", extension=[beat])
        async with listener(url, await bound(relay, id)) as client:
            await client.bundle("handshake")
            told = status(await client.bundle())
            assert (told["type"], told["status"], told["events"]) == ("heartbeat", "active", [])


async def test_changes_of_the_subscription(relay: Relaying, url: str) -> None:
    id = await subscribed(relay, "full-resource", "Observation?code=8867-4")
    async with listener(url, await bound(relay, id)) as client:
        await client.bundle("handshake")
        found = await relay.subscription(id)
        found |= topic("id-only", "Observation?code=other", type="websocket") | {"status": "requested"}
        await relay.written("PUT", f"Subscription/{id}", found)
        await relay.reaches(id, "active")
        await relay.written("POST", "Observation", observation(1))
        await relay.written("POST", "Observation", observation(2, code="other"))
        [event] = await client.events(1)
        assert event["event-number"] == "1"
        assert "resource" not in event["entry"]
        found = await relay.subscription(id)
        await relay.written("PUT", f"Subscription/{id}", found | {"status": "off"})
        assert (await client.ends())[0] == 1000
    gone = await subscribed(relay)
    async with listener(url, await bound(relay, gone)) as client:
        await client.bundle("handshake")
        await relay.client.delete(f"Subscription/{gone}")
        assert (await client.ends())[0] == 1000


async def test_the_database_comes_back(database: str, relay: Relaying, url: str) -> None:
    """What listens for announcements is lost; events that come meanwhile are told nevertheless."""
    id = await subscribed(relay)
    async with listener(url, await bound(relay, id)) as client:
        await client.bundle("handshake")
        async with relay.store.transaction(UNRESTRICTED) as unit:
            await unit.run([Statement("select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen"
                                      " subscription' or query like 'select r.version, coalesce%'")])  # fmt: skip
        await relay.written("POST", "Observation", observation(1))
        assert len(await client.events(1)) == 1


async def test_what_is_asked_while_the_connection_ends_is_asked_again(database: str, relay: Relaying) -> None:
    board = Switchboard(relay.store, now=lambda: 0)
    answer = asyncio.create_task(board.run([Statement("select pg_sleep(1)"), Statement("select 7")]))
    end = "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(1)'"
    with psycopg.connect(database, autocommit=True) as other:
        while other.execute(f"{end} and datname = current_database()").fetchone() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await answer)[1] == [(b"\0\0\0\7",)]
    board.close()


async def test_status_of_several(relay: Relaying, endpoint: Any) -> None:
    active, broken = await subscribed(relay), await relay.subscribe(endpoint, criteria="Observation?nonsense=1")
    await relay.reaches(broken, "error")

    async def told(query: str) -> dict[str, str]:
        bundle = (await relay.client.get(f"Subscription/$status?{query}")).json()
        assert bundle["type"] == "searchset"
        found = [status({"entry": [entry]}) for entry in bundle["entry"] or ()] if "entry" in bundle else []
        return {one["subscription"]["reference"].rpartition("/")[2]: one["status"] for one in found}

    assert await told("") == {active: "active", broken: "error"}
    assert await told("status=error") == {broken: "error"}
    assert await told(f"id={active}&id={broken}&status=active") == {active: "active"}
    assert await told(f"id={active},nobody") == {active: "active"}
    assert (await relay.client.get("Subscription/$status?status=x")).status_code == 400
    assert (await relay.client.get(f"Subscription/{active}/$status?status=off")).json()["total"] == 1
