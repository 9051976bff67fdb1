"""Exchanges and queues of events at RabbitMQ. docs/decisions/event-order.md

Each service has as many queues as there are partitions; all events of an order key are in one of them, and one consumer
at a time is given a queue's messages: so they come in order. https://www.rabbitmq.com/docs/quorum-queues
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from adapters.message_broker import Broker, Outgoing
from fhir_server.events.event import Event, message

EVENTS, PLATFORM, DEAD = "hub.events", "hub.platform", "hub.dead"
"""Exchanges: to services, to whoever asks for events of the platform, and of what could not be delivered."""
PARTITIONS = 8
REDELIVERIES = 20
"""After which a message that a consumer dies of is dead."""

_DURABLE = {"x-queue-type": "quorum"}
_QUEUE = _DURABLE | {
    "x-single-active-consumer": True,
    "x-delivery-limit": REDELIVERIES,
    "x-dead-letter-exchange": DEAD,
    # Kept until the dead-letter queue has it; the broker asks for both together.
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


def partition(order_key: str) -> int:
    """The same for the same key, in every process and release."""
    return int.from_bytes(blake2b(order_key.encode(), digest_size=4).digest(), "big") % PARTITIONS


def queue_of(service: str, number: int) -> str:
    """The name of a queue."""
    return f"hub.{service}.{number}"


def service_of(queue: str) -> str:
    """The service whose queue it is."""
    return queue.removeprefix("hub.").rpartition(".")[0]


async def declare(broker: Broker, services: Iterable[str]) -> None:
    """What is not there yet. Raises PartnerUnavailable, also where something else of such a name is there."""
    for name, kind in ((EVENTS, "direct"), (PLATFORM, "topic"), (DEAD, "fanout")):
        await broker.exchange(name, kind)
    await broker.queue(DEAD, _DURABLE, DEAD, "")
    for service in services:
        for number in range(PARTITIONS):
            await broker.queue(queue_of(service, number), _QUEUE, EVENTS, queue_of(service, number))


def to_service(service: str, event: Event) -> Outgoing:
    """The message that tells a service of an event."""
    return Outgoing(
        exchange=EVENTS,
        routing_key=queue_of(service, partition(event.order_key)),
        body=message(event),
        id=str(event.sequence),
        content_type="application/json",
        must_arrive=True,
    )


def to_platform(kind: str, id: str, body: bytes, content_type: str) -> Outgoing:
    """An event of the platform; whether anybody asks for it is not ours to know."""
    return Outgoing(PLATFORM, kind, body, id, content_type, must_arrive=False)
