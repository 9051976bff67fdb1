"""Events that are dead letters: kept as messages, sent again by people. Real PostgreSQL, real RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pika
import psycopg
import pytest

from fhir_server.events.delivery import Fault, Later
from fhir_server.events.event import Event, message
from hub.events import standing
from hub.events.dead import Dead
from hub.events.topology import DEAD, EVENTS, queue_of
from hub.sealing_key import bodies
from hub.settings import Settings
from messages import dead as letters
from smart_auth.seal import new_key
from tests.fhir_server.subscriptions.conftest import Relaying
from tests.hub.events.conftest import Takers
from tests.rabbitmq import RabbitMQ

EVENT = Event(7, "Claim/7/_history/1", "create", "Patient/1", 0)


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def kept(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select flow, business_key, order_key, state, fault_code, fault_reason from messages.message order by id"
    ).fetchall()


def resubmit(connection: psycopg.Connection[Any]) -> None:
    [(id,)] = connection.execute("select id from messages.message").fetchall()
    letters.resubmit(connection, id, "somebody", "mended", datetime.now(UTC))


def test_a_dead_letter_is_a_message_and_can_be_sent_again(connection: psycopg.Connection[Any]) -> None:
    found, told = Dead(bodies(Settings(key=new_key()))), list[Event]()
    found.bury(connection, Fault("recorder", EVENT, 12, "no answer"))
    assert kept(connection) == [("event", "recorder/7", "Patient/1", "MORTA", "transient", "no answer")]
    failing: list[Exception] = [ValueError("of a person"), Later("no answer", retry_after=0)]

    def service(event: Event, connection: psycopg.Connection[Any]) -> None:
        if failing:
            raise failing.pop(0)
        told.append(event)

    assert not found.again(connection, {"recorder": service}), "nobody has sent it again"
    resubmit(connection)
    assert found.again(connection, {"recorder": service})
    assert kept(connection)[0][3:] == ("MORTA", "exception", "ValueError")
    resubmit(connection)
    assert found.again(connection, {"recorder": service})
    assert kept(connection)[0][3:] == ("ARMAZENADA", "transient", "no answer")
    connection.execute("update messages.message set due = now() - interval '1 second'")
    assert found.again(connection, {"recorder": service})
    assert (told, kept(connection)[0][3]) == ([EVENT], "ENTREGUE")
    assert not found.again(connection, {"recorder": service})


def test_one_for_a_service_that_is_off_is_dead_again(connection: psycopg.Connection[Any]) -> None:
    found = Dead(bodies(Settings(key=new_key())))
    found.bury(connection, Fault("other", EVENT, 1, "ValueError", ValueError()))
    resubmit(connection)
    assert found.again(connection, {})
    assert kept(connection)[0][3:] == ("MORTA", "not-found", "no such service is on")


def test_all_dead_letters_begin_anew_by_the_command(connection: psycopg.Connection[Any], database: str) -> None:
    found, said, told = Dead(bodies(Settings(key=new_key()))), list[str](), list[int]()
    for sequence in (8, 9):
        event = Event(sequence, f"Claim/{sequence}/_history/1", "create", "Patient/1", 0)
        found.bury(connection, Fault("recorder", event, 12, "no answer"))
    assert standing.status(database, said.append) == 1
    assert said[-1].startswith("dead letters             2")
    assert standing.resubmit(database, "mended", said.append) == 0
    services = {"recorder": lambda event, connection: told.append(event.sequence)}
    while found.again(connection, services):
        pass
    assert told == [8, 9]
    assert standing.status(database, said.append) == 0


async def test_what_the_broker_cannot_deliver_is_kept_as_well(
    broker: RabbitMQ, relay: Relaying, connection: psycopg.Connection[Any], takers: Callable[..., Takers]
) -> None:
    """A message that is no event, and one whose consumers died of it."""
    takers(broker.url).start()
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as publisher:
        channel = publisher.channel()
        channel.exchange_declare(EVENTS, "direct", durable=True)
        channel.confirm_delivery()
        async with asyncio.timeout(30):
            while True:
                try:
                    channel.basic_publish(EVENTS, queue_of("recorder", 0), b"no event", mandatory=True)
                    break
                except pika.exceptions.UnroutableError:
                    await asyncio.sleep(0.2)  # the queues are declared by whoever consumes
        died = pika.BasicProperties(
            headers={"x-death": [{"queue": queue_of("recorder", 3), "reason": "delivery_limit"}]}
        )
        channel.basic_publish(DEAD, "", message(EVENT), died)
    async with asyncio.timeout(30):
        while len(found := kept(connection)) < 2:  # noqa: ASYNC110 - it is another process that does it
            await asyncio.sleep(0.1)
    assert sorted((one[1][:9], *one[3:5]) for one in found) == [
        ("e9b211a27", "MORTA", "structure"), ("recorder/", "MORTA", "transient")
    ]  # fmt: skip
