"""Subscriptions from the write to the endpoint, over real sockets and a real database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_server.statement import Statement
from fhir_server.subscriptions.relay import Pace
from fhir_server.validation import validate
from smart_auth.scopes import UNRESTRICTED, Access
from tests.fhir_server.conftest import BASE
from tests.fhir_server.subscriptions.conftest import BACKPORT, Relaying, observation, relaying, topic
from tests.fhir_server.subscriptions.endpoint import Endpoint, Told, listening


def versions(told: list[Told]) -> dict[str, list[int]]:
    """Resource id -> versions in the order they came, of R4 updates."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in told:
        if one.method == "PUT":
            found[one.path.rpartition("/")[2]].append(int(one.json()["meta"]["versionId"]))
    return dict(found)


def parameters(told: Told) -> dict[str, Any]:
    """name -> values of the status in a notification."""
    found: dict[str, Any] = {}
    for one in told.json()["entry"][0]["resource"]["parameter"]:
        value = next(v for name, v in one.items() if name != "name")
        if one["name"] == "notification-event":
            parts = {part["name"]: next(v for name, v in part.items() if name != "name") for part in value}
            found.setdefault("events", []).append(parts)
        else:
            found[one["name"]] = value
    return found


async def test_r4_with_payload_is_an_update_at_the_endpoint(relay: Relaying, endpoint: Endpoint) -> None:
    id = await relay.subscribe(
        endpoint, "Observation?code=http://loinc.org|8867-4", channel={"header": ["Authorization: Bearer secret"]}
    )
    stored = await relay.written("POST", "Observation", observation(1))
    await relay.written("POST", "Observation", observation(2, code="other"))
    await relay.written("PUT", f"Observation/{stored['id']}", observation(3, stored["id"]))
    await endpoint.until(lambda: len(endpoint.told) == 2)
    first, second = endpoint.told
    assert (first.method, first.path) == ("PUT", f"/hook/Observation/{stored['id']}")
    assert first.headers["content-type"] == "application/fhir+json"
    assert first.headers["authorization"] == "Bearer secret"
    assert first.headers["host"] == f"127.0.0.1:{endpoint.port}"
    assert first.json() == stored
    assert second.json()["valueInteger"] == 3
    assert (await relay.reaches(id, "active"))["criteria"] == "Observation?code=http://loinc.org|8867-4"
    # R4: no notification of a deletion.
    await relay.client.delete(f"Observation/{stored['id']}")
    await relay.written("POST", "Observation", observation(4))
    await endpoint.until(lambda: len(endpoint.told) == 3)
    assert endpoint.told[2].json()["valueInteger"] == 4
    assert "secret" not in str(relay.log)


async def test_r4_without_payload_is_an_empty_post(relay: Relaying, endpoint: Endpoint) -> None:
    await relay.subscribe(endpoint, "Patient?", channel={"payload": None})
    await relay.written("POST", "Patient", {"resourceType": "Patient"})
    await endpoint.until(lambda: bool(endpoint.told))
    assert [(one.method, one.path, one.body) for one in endpoint.told] == [("POST", "/hook", b"")]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"criteria": "Observation?nonsense=1"}, "search parameter"),
        ({"criteria": "Nothing?x=1"}, "resource type"),
        ({"criteria": f"{BASE}/SubscriptionTopic/other"}, "no such topic"),
        ({"channel": {"type": "email"}}, "rest-hook"),
        (
            {
                "channel": {
                    "_type": {
                        "extension": [
                            {"url": f"{BACKPORT}channel-type", "valueCoding": {"system": "urn:x", "code": "queue"}}
                        ]
                    }
                }
            },
            "channels",
        ),
        ({"channel": {"payload": "application/xml"}}, "application/fhir+json"),
        ({"channel": {"header": ["Host: elsewhere"]}}, "header"),
        ({"channel": {"header": ["no colon"]}}, "header"),
        ({"channel": {"endpoint": None}}, "endpoint"),
        ({"channel": {"endpoint": "ftp://127.0.0.1/x"}}, None),
    ],
)
async def test_what_cannot_be_carried_out_is_in_error(
    relay: Relaying, endpoint: Endpoint, elements: dict[str, Any], reason: str | None
) -> None:
    id = await relay.subscribe(endpoint, **elements)
    if reason is None:  # known only when something is to be sent
        await relay.written("POST", "Observation", observation(1))
        reason = "scheme"
    found = await relay.reaches(id, "error")
    assert reason in found["error"]
    assert endpoint.told == []
    mended = found | {"status": "requested", "criteria": "Observation?"}
    mended["channel"] = {"type": "rest-hook", "endpoint": endpoint.url, "payload": "application/json"}
    await relay.written("PUT", f"Subscription/{id}", mended)
    found = await relay.reaches(id, "active")
    assert "error" not in found
    await relay.written("POST", "Observation", observation(2))
    await endpoint.until(lambda: bool(endpoint.told) and endpoint.told[-1].json()["valueInteger"] == 2)


async def test_topic_begins_with_a_handshake(relay: Relaying, endpoint: Endpoint) -> None:
    id = await relay.subscribe(endpoint, **topic("full-resource", "Observation?status=final"))
    stored = await relay.written("POST", "Observation", observation(1))
    await relay.written("POST", "Patient", {"resourceType": "Patient"})
    await relay.reaches(id, "active")
    await endpoint.until(lambda: len(endpoint.told) == 2)
    handshake, event = endpoint.told
    assert parameters(handshake) == {
        "subscription": {"reference": f"{BASE}/Subscription/{id}"},
        "topic": f"{BASE}/SubscriptionTopic/resource-change",
        "status": "requested",
        "type": "handshake",
        "events-since-subscription-start": parameters(handshake)["events-since-subscription-start"],
    }
    for told in endpoint.told:
        assert [issue for issue in validate(told.json()) if issue.severity == "error"] == []
    found = parameters(event)
    assert (found["type"], found["status"], found["events-since-subscription-start"]) == (
        "event-notification", "active", "1"
    )  # fmt: skip
    assert [one["event-number"] for one in found["events"]] == ["1"]
    assert found["events"][0]["focus"] == {"reference": f"{BASE}/Observation/{stored['id']}"}
    entry = event.json()["entry"][1]
    assert entry["resource"] == stored
    assert entry["request"] == {"method": "POST", "url": "Observation"}


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
async def test_topic_content_and_deletion(relay: Relaying, endpoint: Endpoint, content: str) -> None:
    await relay.subscribe(endpoint, **topic(content, "Observation?code=8867-4", "Observation?status=final"))
    await relay.written("PUT", "Observation/a", observation(1, "a"))
    await relay.written("PUT", "Observation/b", observation(1, "b", status="amended"))
    await relay.client.delete("Observation/a")
    await relay.client.delete("Observation/b")
    await endpoint.until(lambda: sum(len(parameters(one).get("events", ())) for one in endpoint.told) == 2)
    found = [event for one in endpoint.told for event in parameters(one).get("events", ())]
    entries = [entry for one in endpoint.told[1:] for entry in one.json()["entry"][1:]]
    assert [event["event-number"] for event in found] == ["1", "2"]
    assert [("focus" in event) for event in found] == [content != "empty"] * 2
    assert [entry["request"]["method"] for entry in entries] == ([] if content == "empty" else ["PUT", "DELETE"])
    assert ["resource" in entry for entry in entries] == ([True, False] if content == "full-resource" else
                                                          [False] * len(entries))  # fmt: skip


async def test_status_and_events_can_be_asked_for(relay: Relaying, endpoint: Endpoint) -> None:
    id = await relay.subscribe(endpoint, **topic("empty", "Observation?"))
    for value in range(3):
        await relay.written("POST", "Observation", observation(value))
    await endpoint.until(lambda: sum(len(parameters(one).get("events", ())) for one in endpoint.told) == 3)
    bundle = (await relay.client.get(f"Subscription/{id}/$status")).json()
    assert (bundle["type"], bundle["total"]) == ("searchset", 1)
    told = {one["name"]: one for one in bundle["entry"][0]["resource"]["parameter"]}
    assert told["type"]["valueCode"] == "query-status"
    assert told["events-since-subscription-start"]["valueString"] == "3"
    query = "eventsSinceNumber=2&content=full-resource"
    bundle = (await relay.client.get(f"Subscription/{id}/$events?{query}")).json()
    assert [entry["resource"]["valueInteger"] for entry in bundle["entry"][1:]] == [1, 2]
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "eventsSinceNumber", "valueString": "1"}, {"name": "eventsUntilNumber", "valueString": "1"},
    ]}  # fmt: skip
    again = await relay.written("POST", f"Subscription/{id}/$events", body)
    assert [("resource" in entry, entry["request"]["method"]) for entry in again["entry"][1:]] == [(False, "POST")]
    for query in ("eventsSinceNumber=x", "content=all", "other=1", "content=empty&content=empty"):
        assert (await relay.client.get(f"Subscription/{id}/$events?{query}")).status_code == 400
    for operation in ("$status", "$events"):
        assert (await relay.client.get(f"Subscription/nobody/{operation}")).status_code == 404
        assert (await relay.client.get(f"Patient/1/{operation}")).status_code == 404


async def test_long_content_comes_a_little_at_a_time(
    relay: Relaying, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is held in memory has a bound; deletions, which have no content, do not overtake."""
    monkeypatch.setattr("fhir_server.subscriptions.events.CONTENT", 1)
    endpoint.always = 500
    await relay.subscribe(endpoint, **topic("full-resource", "Observation?"))
    for value in range(4):
        await relay.written("PUT", f"Observation/{value}", observation(value, str(value)))
    await relay.client.delete("Observation/0")
    endpoint.always = 200

    def told() -> list[list[str]]:
        found = [parameters(one).get("events", ()) for one in endpoint.taken()]
        return [[event["event-number"] for event in events] for events in found if events]

    await endpoint.until(lambda: sum(map(len, told())) == 5)
    assert told() == [["1"], ["2"], ["3"], ["4"], ["5"]]


async def test_heartbeat(relay: Relaying, endpoint: Endpoint) -> None:
    url = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period"
    await relay.subscribe(endpoint, **topic("empty", extension=[{"url": url, "valueUnsignedInt": 1}]))
    await endpoint.until(lambda: any(parameters(one)["type"] == "heartbeat" for one in endpoint.told), 5)
    assert endpoint.told[-1].at - endpoint.told[-2].at > 0.9


async def test_it_ends_at_its_end(relay: Relaying, endpoint: Endpoint) -> None:
    end = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    id = await relay.subscribe(endpoint, end=end)
    await relay.reaches(id, "active")
    await relay.reaches(id, "off")
    await relay.written("POST", "Observation", observation(1))
    await asyncio.sleep(0.2)
    assert endpoint.told == []


async def test_off_and_deletion_end_it(relay: Relaying, endpoint: Endpoint) -> None:
    first, second = await relay.subscribe(endpoint), await relay.subscribe(endpoint)
    found = await relay.reaches(first, "active")
    await relay.written("PUT", f"Subscription/{first}", found | {"status": "off"})
    await relay.reaches(second, "active")
    await relay.client.delete(f"Subscription/{second}")
    await relay.written("POST", "Observation", observation(1))
    third = await relay.subscribe(endpoint)
    await relay.written("POST", "Observation", observation(2))
    await endpoint.until(lambda: len(endpoint.told) == 1)
    assert endpoint.told[0].json()["valueInteger"] == 2
    assert (await relay.subscription(third))["resourceType"] == "Subscription"


async def test_an_endpoint_that_misbehaves_loses_nothing_and_keeps_order(relay: Relaying, endpoint: Endpoint) -> None:
    timeout = {"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-timeout"}
    await relay.subscribe(endpoint, channel={"extension": [timeout | {"valueUnsignedInt": 1}]})
    endpoint.behaviours.extend([500, 503, "close", 404, "hang", 301, 500, "close"])
    for value in range(10):
        for id in ("a", "b", "c"):
            await relay.written("PUT", f"Observation/{id}", observation(value, id))
    await endpoint.until(lambda: len({(t.path, t.body) for t in endpoint.taken()}) == 30)
    assert versions(endpoint.taken()) == {id: list(range(1, 11)) for id in ("a", "b", "c")}
    # What failed was sent again before anything newer of the same resource.
    for found in versions(endpoint.told).values():
        assert found == sorted(found)


async def test_error_and_recovery(relay: Relaying, endpoint: Endpoint) -> None:
    endpoint.always = 500
    plain = await relay.subscribe(endpoint)
    by_topic = await relay.subscribe(endpoint, **topic("id-only", "Observation?"))
    for value in range(5):
        await relay.written("PUT", "Observation/a", observation(value, "a"))
    assert (await relay.reaches(plain, "error"))["error"] == "the endpoint answered 500"
    assert (await relay.reaches(by_topic, "error"))["error"] == "the endpoint answered 500"
    endpoint.always = 200
    assert "error" not in await relay.reaches(plain, "active")
    assert "error" not in await relay.reaches(by_topic, "active")
    await endpoint.until(lambda: len(versions(endpoint.taken()).get("a", ())) == 5)
    assert versions(endpoint.taken()) == {"a": [1, 2, 3, 4, 5]}

    def numbers() -> list[str]:
        posted = [one for one in endpoint.taken() if one.method == "POST"]
        return [event["event-number"] for one in posted for event in parameters(one).get("events", ())]

    await endpoint.until(lambda: len(numbers()) == 5)
    assert numbers() == ["1", "2", "3", "4", "5"]


async def test_endpoint_away_and_back(relay: Relaying) -> None:
    async with listening() as endpoint:
        id = await relay.subscribe(endpoint)
        await relay.reaches(id, "active")
    await relay.written("POST", "Observation", observation(1))
    assert (await relay.reaches(id, "error"))["error"] == "the endpoint cannot be connected to"
    async with listening(endpoint):
        await relay.reaches(id, "active")
        assert [one.json()["valueInteger"] for one in endpoint.taken()] == [1]


async def test_stopped_at_any_moment_it_goes_on_without_loss(database: str, endpoint: Endpoint) -> None:
    async with relaying(database) as relay:
        id = await relay.subscribe(endpoint)
        await relay.reaches(id, "active")
        endpoint.delay = lambda: 0.003

        async def write(name: str) -> None:
            for value in range(30):
                await relay.written("PUT", f"Observation/{name}", observation(value, name))

        writers = [asyncio.create_task(write(name)) for name in ("a", "b", "c", "d")]
        for _ in range(6):
            await asyncio.sleep(0.05)
            await relay.stop()
            relay.start()
        await asyncio.gather(*writers)
        await endpoint.until(lambda: len({(t.path, t.body) for t in endpoint.taken()}) == 120)
        for found in versions(endpoint.taken()).values():
            assert sorted(set(found)) == list(range(1, 31))
            assert found == sorted(found)  # again, perhaps, but never an older one after a newer one
        rows = await relay.store.select(Statement("select count(*) from outbox"))
        assert int.from_bytes(rows[0][0], "big") == 0


async def test_of_two_relays_one_leads_and_the_other_takes_over(database: str, endpoint: Endpoint) -> None:
    async with relaying(database) as one, relaying(database) as other:
        id = await one.subscribe(endpoint)
        await one.reaches(id, "active")
        assert {one.relay.leading, other.relay.leading} == {True, False}
        leader, follower = (one, other) if one.relay.leading else (other, one)
        for value in range(20):
            await leader.written("PUT", "Observation/a", observation(value, "a"))
            await follower.written("PUT", "Observation/b", observation(value, "b"))
        await leader.stop()
        await follower.written("PUT", "Observation/b", observation(99, "b"))
        await endpoint.until(lambda: len({(t.path, t.body) for t in endpoint.taken()}) == 41)
        assert follower.relay.leading
        for found in versions(endpoint.taken()).values():
            assert found == sorted(found)


async def test_access_is_judged_at_each_delivery(database: str, endpoint: Endpoint) -> None:
    granted = [Access("somebody", unrestricted=True)]
    async with relaying(database, access=lambda definition: granted[0]) as relay:
        id = await relay.subscribe(endpoint)
        await relay.written("POST", "Observation", observation(1))
        await endpoint.until(lambda: len(endpoint.told) == 1)
        endpoint.always = 500
        await relay.written("POST", "Observation", observation(2))
        await endpoint.until(lambda: len(endpoint.told) == 2)
        granted[0] = Access("somebody", unrestricted=False)
        found = await relay.reaches(id, "error")
        count = len(endpoint.told)
        endpoint.always = 200
        await asyncio.sleep(0.3)
        assert len(endpoint.told) == count, "nothing goes out to who may see nothing"
        assert found["error"] in ("the endpoint answered 500", "its owner has no access any more")


async def test_a_subscription_removed_for_good_is_told_nothing_more(database: str, endpoint: Endpoint) -> None:
    async with relaying(database, pace=Pace(contest=0.05, audit=0.05)) as relay:
        id = await relay.subscribe(endpoint)
        await relay.reaches(id, "active")
        # As $expunge does: nothing is left, in the outbox neither.
        async with relay.store.transaction(UNRESTRICTED) as unit:
            await unit.run([Statement("delete from outbox"), Statement("delete from resource_version"),
                            Statement("delete from resource")])  # fmt: skip
        await asyncio.sleep(0.3)
        await relay.written("POST", "Observation", observation(1))
        await asyncio.sleep(0.3)
        assert endpoint.told == []
        for table in ("subscription_state", "subscription_event"):
            assert await relay.store.select(Statement(f"select from {table}")) == []
