"""Nothing is lost, nothing has its effect twice, each patient's events come in order, whoever stops or dies."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable

import pika
import psycopg

from fhir_server.events.delivery import park
from fhir_server.events.event import Event
from tests.fhir_server.subscriptions.conftest import Relaying
from tests.hub.events.conftest import Takers, Written
from tests.rabbitmq import RabbitMQ


def effects(database: str) -> dict[str, list[str]]:
    """Order key -> references in the order of their effects."""
    found: dict[str, list[str]] = defaultdict(list)
    with psycopg.connect(database) as connection:
        for key, reference in connection.execute("select order_key, reference from effect order by number"):
            found[key].append(reference)
    return dict(found)


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it is another process that does it
            await asyncio.sleep(0.05)


async def settled(database: str, number: int) -> None:
    """Until there are so many effects, and nothing waits."""
    waiting = (
        "select (select count(*) from effect), (select count(*) from outbox), (select count(*) from event),"
        " (select count(*) from event_delivery)"
    )
    with psycopg.connect(database, autocommit=True) as connection:
        await until(lambda: connection.execute(waiting).fetchone() == (number, 0, 0, 0))


def ledger(database: str) -> tuple[int, int]:
    """Events that are done, and those of them that have had their effect."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select count(*), count(e.sequence) from event_done d left join effect e using (sequence)"
            " where d.service = 'recorder'"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def noted(database: str) -> list[str]:
    """References, as often as they were noted."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("select reference from noted").fetchall()
    return sorted(reference for (reference,) in rows)


async def check(database: str, written: Written) -> None:
    number = sum(map(len, written.versions.values()))
    await settled(database, number)
    assert effects(database) == {key: told for key, told in written.versions.items() if told}
    assert ledger(database) == (number, number)
    assert noted(database) == sorted(one for told in written.versions.values() for one in told)


async def test_the_broker_stops_and_those_who_take_events_are_killed(
    broker: RabbitMQ, relay: Relaying, database: str, takers: Callable[..., Takers]
) -> None:
    both = takers(broker.url)
    both.start()  # publishes and consumes
    both.start()  # takes over
    written = Written(relay, 10)
    writing = asyncio.create_task(written.write(rate=100, seconds=6))
    await asyncio.sleep(2)
    both.kill()
    both.start()
    await asyncio.sleep(1)
    await asyncio.to_thread(broker.stop)
    await asyncio.sleep(1)
    await asyncio.to_thread(broker.start)
    both.kill()
    await writing
    await check(database, written)


async def test_without_a_broker(relay: Relaying, database: str, takers: Callable[..., Takers]) -> None:
    both = takers()
    both.start()
    both.start()
    written = Written(relay, 10)
    writing = asyncio.create_task(written.write(rate=100, seconds=4))
    for _ in range(2):
        await asyncio.sleep(1.5)
        both.kill()
        both.start()
    await writing
    await check(database, written)


async def test_of_one_who_had_to_wait_the_next_wait_as_well(
    broker: RabbitMQ, relay: Relaying, database: str, takers: Callable[..., Takers]
) -> None:
    """What a broker brings does not overtake what stands in the database."""
    first = Event(0, "Observation/before/_history/1", "create", "Patient/p0", 0)
    with psycopg.connect(database, autocommit=True) as connection:
        park(connection, [("recorder", first)], 2**62)
        takers(broker.url).start()
        written = Written(relay, 2)
        await written.write(rate=40, seconds=1)
        told = written.versions["Patient/p1"]
        await until(lambda: effects(database) == {"Patient/p1": told})
        waiting = "select count(*) from event_delivery"
        behind = (1 + len(written.versions["Patient/p0"]),)
        await until(lambda: connection.execute(waiting).fetchone() == behind)
        connection.execute("update event_delivery set due = 0 where sequence = 0")
        connection.execute("notify event_delivery")
        connection.execute("insert into noted (reference) values (%s)", [first.reference])  # it came no usual way
    written.versions["Patient/p0"].insert(0, first.reference)
    await check(database, written)


async def test_an_event_of_the_platform_reaches_whoever_asks(
    broker: RabbitMQ, relay: Relaying, database: str, takers: Callable[..., Takers]
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    channel = connection.channel()
    channel.exchange_declare("hub.platform", "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "hub.platform", "user.*")
    takers(broker.url).start()
    stored = await relay.written("POST", "Patient", {"resourceType": "Patient", "birthDate": "1970-01-01"})
    got = []

    def comes() -> bool:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            got.append((method.routing_key, properties.content_type, body))
        return bool(got)

    await until(comes)
    connection.close()
    [(key, content_type, body)] = got
    assert (key, content_type) == ("user.registered", "application/cloudevents+json")
    assert json.loads(body)["data"] == {"reference": f"Patient/{stored['id']}/_history/1", "interaction": "create"}
    assert b"1970-01-01" not in body
