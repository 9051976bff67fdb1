"""Events from the record to the broker, or to `event_delivery` where there is none. One process at a time does it.

A row of `event` is deleted when the broker has confirmed all of its messages, or in the transaction that keeps the
event for its services: whoever dies before does it again. Services that only note an event (`Services.notes`) do so in
the transaction that deletes it, many at a time, with a broker and without one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from adapters.message_broker import Broker, Outgoing
from adapters.partner_errors import PartnerUnavailable
from fhir_server.events import delivery, waiting
from fhir_server.events.event import Event
from fhir_server.events.waiting import Change
from fhir_server.subscriptions.outbox import CHANNEL
from hub.events.topology import declare, to_platform, to_service
from hub.platform_events import CONTENT_TYPE, told
from hub.services import Services

CONTEST_SECONDS = 1.0
"""Between two tries to be the one, or to reach broker or database."""
POLL_SECONDS = 1.0
"""Rows are announced by NOTIFY; this often somebody looks anyway."""

_log = logging.getLogger("hub.events")


async def publish(url: str, base: str, services: Services, broker_url: str | None) -> None:
    """Takes events as they come, until cancelled. url: of the database; base: own FHIR base URL."""
    while True:
        try:
            connection = await asyncio.to_thread(_connected, url)
            try:
                while not await asyncio.to_thread(waiting.leading, connection):  # noqa: ASYNC110 - others hold it
                    await asyncio.sleep(CONTEST_SECONDS)
                await asyncio.to_thread(connection.execute, f"listen {CHANNEL}")
                if broker_url is None:
                    await asyncio.to_thread(_keep_all, connection, base, services)
                else:
                    await _publish_all(connection, base, services, broker_url)
            finally:
                connection.close()
        except psycopg.Error as error:
            _log.warning("the database is lost: %s", type(error).__name__)
        await asyncio.sleep(CONTEST_SECONDS)


async def _publish_all(connection: psycopg.Connection[Any], base: str, services: Services, url: str) -> None:
    while True:
        try:
            broker = await Broker.connect(url, "hub-events-publisher")
            try:
                await declare(broker, services.run)
                while True:
                    changes = await asyncio.to_thread(_next, connection, base)
                    if changes:
                        await broker.publish([one for change in changes for one in outgoing(change, services, base)])
                        await asyncio.to_thread(_keep, connection, changes, services)
                    elif broker.lost.is_set():
                        break
            finally:
                await broker.close()
        except PartnerUnavailable as error:
            _log.warning("events wait in the database: %s", error.reason)
        await asyncio.sleep(CONTEST_SECONDS)


def _connected(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, application_name="hub-events")


def outgoing(change: Change, services: Services, base: str) -> list[Outgoing]:
    """The messages of one event."""
    found = [to_service(name, change.event) for name in services.one_by_one(change.type, change.event.interaction)]
    return found + [to_platform(kind, id, body, CONTENT_TYPE) for kind, id, body in told(change, base)]


def _next(
    connection: psycopg.Connection[Any], base: str, needed: Callable[[str, str], bool] = waiting.everything
) -> list[Change]:  # fmt: skip
    """What is there, or has come within a moment. needed: as `waiting.read` takes it."""
    changes = waiting.read(connection, base, needed)
    if not changes:
        for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass
    return changes


def _keep(
    connection: psycopg.Connection[Any], changes: Sequence[Change], services: Services,
    parked: Sequence[tuple[str, Event]] = (),
) -> None:  # fmt: skip
    """The events leave the record: those that a service notes are noted, and parked ones wait for theirs."""
    noted: dict[str, list[Event]] = {}
    for one in changes:
        for name in services.names(one.type, one.event.interaction):
            if name in services.notes:
                noted.setdefault(name, []).append(one.event)
    now = time.time_ns() // 1000
    with connection.transaction():
        for name, events in noted.items():
            delivery.note_all(connection, name, services.notes[name], events, now)
        if parked:
            delivery.park(connection, parked, now)
        waiting.kept(connection, [one.event.sequence for one in changes])
        delivery.count(connection, "published", len(changes))


def _keep_all(connection: psycopg.Connection[Any], base: str, services: Services) -> None:
    def needed(kind: str, interaction: str) -> bool:
        return bool(services.one_by_one(kind, interaction))

    while True:
        changes = _next(connection, base, needed)
        if changes:
            found = (
                (name, one.event) for one in changes for name in services.one_by_one(one.type, one.event.interaction)
            )
            _keep(connection, changes, services, list(found))
