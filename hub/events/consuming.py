"""Events from the broker to services: the messages of a queue one after the other, the queues side by side.

A message is acknowledged when its event is done, known as done, or kept in `event_delivery`; whoever dies before is
given it again.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg

from adapters.message_broker import Broker, Received
from adapters.partner_errors import PartnerUnavailable
from fhir_server.events.delivery import Fault, Service, dead, deliver
from fhir_server.events.event import NoEvent, of_message
from hub.events.dead import Dead
from hub.events.topology import DEAD, PARTITIONS, REDELIVERIES, declare, queue_of, service_of

PREFETCH = 50
"""Messages of a queue that are here before the first is acknowledged."""
SIDE_BY_SIDE = 4
"""Events that services work on at the same time."""
AGAIN_SECONDS = 1.0

_log = logging.getLogger("hub.events")


class Connections:
    """Connections to the database, one for each thread that works at the moment."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: queue.LifoQueue[psycopg.Connection[Any]] = queue.LifoQueue()

    def use(self, work: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Calls with a connection. Raises what it raises."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = psycopg.connect(self._url, autocommit=True, application_name="hub-events")
        try:
            work(connection)
        finally:
            if not connection.closed:
                self._idle.put(connection)


async def consume(url: str, services: Mapping[str, Service], broker_url: str, kept: Dead) -> None:
    """Has services do with events what they do, until cancelled."""
    connections = Connections(url)
    with ThreadPoolExecutor(SIDE_BY_SIDE, "hub-events") as threads:

        async def handed(work: Callable[[psycopg.Connection[Any]], None]) -> None:
            """Until the database has it."""
            while True:
                try:
                    await asyncio.get_running_loop().run_in_executor(threads, connections.use, work)
                except psycopg.Error as error:
                    _log.warning("the database is lost: %s", type(error).__name__)
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    return

        async def one_after_the_other(broker: Broker, messages: asyncio.Queue[Received]) -> None:
            while True:
                received = await messages.get()
                try:
                    event = of_message(received.body)
                except NoEvent:
                    broker.reject(received.tag)
                    continue
                name = service_of(received.queue)

                await handed(
                    partial(
                        deliver, name=name, service=services[name], event=event, now=time.time_ns() // 1000,
                        bury=kept.bury,
                    )
                )  # fmt: skip
                broker.acknowledge(received.tag)

        async def the_dead(broker: Broker, messages: asyncio.Queue[Received]) -> None:
            while True:
                received = await messages.get()
                try:
                    event = of_message(received.body)
                except NoEvent:
                    await handed(partial(kept.keep, body=received.body))
                else:
                    why = "its consumers ended while they worked on it"
                    fault = Fault(_origin(received), event, REDELIVERIES, why)
                    await handed(partial(dead, fault=fault, now=time.time_ns() // 1000, bury=kept.bury))
                broker.acknowledge(received.tag)

        while True:
            try:
                broker = await Broker.connect(broker_url, "hub-events-consumer")
                try:
                    await declare(broker, services)
                    working = []
                    for name, work in [
                        *((queue_of(one, n), one_after_the_other) for one in services for n in range(PARTITIONS)),
                        (DEAD, the_dead),
                    ]:
                        messages: asyncio.Queue[Received] = asyncio.Queue()
                        await broker.consume(name, PREFETCH, messages.put_nowait)
                        working.append((work, messages))
                    async with asyncio.TaskGroup() as group:
                        tasks = [group.create_task(work(broker, messages)) for work, messages in working]
                        await broker.lost.wait()
                        for task in tasks:
                            task.cancel()
                    _log.warning("the broker is lost: messages under way will come again")
                finally:
                    await broker.close()
            except PartnerUnavailable as error:
                _log.warning("no events from the broker: %s", error.reason)
            await asyncio.sleep(AGAIN_SECONDS)


def _origin(received: Received) -> str:
    """The service whose queue a dead letter was in."""
    for one in received.headers.get("x-death") or ():
        if one.get("queue") != DEAD:
            return service_of(one["queue"])
    return ""
