"""Who is told by subscriptions, in a thread, for tests and measurements that drive a hub in a process of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.fhir_server.subscriptions.endpoint import Endpoint, listening
from tests.hub_process import Client, Unreachable


@contextmanager
def endpoint_in_thread() -> Iterator[Endpoint]:
    """Listens until left; what it was told can be read at any time."""
    endpoint, ready, loop = Endpoint(), threading.Event(), asyncio.new_event_loop()
    leave = asyncio.Event()

    async def listen() -> None:
        async with listening(endpoint):
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)


def subscription(endpoint: Endpoint, criteria: str = "Observation?") -> dict[str, object]:
    """An R4 Subscription with payload."""
    channel = {"type": "rest-hook", "endpoint": endpoint.url, "payload": "application/fhir+json"}
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria,
        "channel": channel,
    }  # fmt: skip


@dataclass
class Websocket:
    """Stays bound to one Subscription, whatever becomes of the hub, and keeps what it is told."""

    client: Client
    id: str
    told: dict[int, tuple[float, dict[str, Any]]] = field(default_factory=dict)
    """Number of an event -> when it came first, its entry."""
    order: list[int] = field(default_factory=list)
    """Numbers as they came, those that came again after a break left out."""
    again: int = 0
    """Events that came again."""
    bound: threading.Event = field(default_factory=threading.Event)
    away: threading.Event = field(default_factory=threading.Event)
    """As long as it is set, the client is not there."""
    leaving: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Binds, reads until the connection breaks, binds again."""
        while not self.leaving.is_set():
            while self.away.is_set():
                time.sleep(0.02)
            with suppress(OSError, WebSocketException, Unreachable):
                answer = self.client.request("POST", f"Subscription/{self.id}/$get-ws-binding-token")
                if answer.status == 200:
                    found = {one["name"]: next(v for n, v in one.items() if n != "name")
                             for one in answer.json()["parameter"]}  # fmt: skip
                    with connect(found["websocket-url"], compression=None, max_size=None) as connection:
                        connection.send(f"bind-with-token {found['token']}")
                        self._read(connection)
            time.sleep(0.02)
        self.client.close()

    def _read(self, connection: ClientConnection) -> None:
        while not (self.leaving.is_set() or self.away.is_set()):
            try:
                bundle = json.loads(connection.recv(timeout=0.2))
            except TimeoutError:
                continue
            at = time.time()
            self.bound.set()
            parameters = bundle["entry"][0]["resource"]["parameter"]
            events = [one["part"] for one in parameters if one["name"] == "notification-event"]
            for parts, entry in zip(events, bundle["entry"][1:], strict=True):
                number = next(int(part["valueString"]) for part in parts if part["name"] == "event-number")
                if number in self.told:
                    self.again += 1
                    continue
                self.told[number] = at, entry
                self.order.append(number)


@contextmanager
def websocket_in_thread(client: Client, id: str) -> Iterator[Websocket]:
    """A client bound to the Subscription until left."""
    socket = Websocket(Client(client.host, client.port), id)
    thread = threading.Thread(target=socket.run, daemon=True)
    thread.start()
    socket.bound.wait(20)
    try:
        yield socket
    finally:
        socket.leaving.set()
        thread.join(10)


BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"


def by_topic(client: Client, *filters: str, **channel: str) -> dict[str, Any]:
    """A Subscription to the topic of all changes, with full resources."""
    payload = {"extension": [{"url": f"{BACKPORT}payload-content", "valueCode": "full-resource"}]}
    extensions = [{"url": f"{BACKPORT}filter-criteria", "valueString": one} for one in filters]
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "test",
        "criteria": f"{client.base}/SubscriptionTopic/resource-change", "_criteria": {"extension": extensions},
        "channel": {**channel, "payload": "application/fhir+json", "_payload": payload},
    }  # fmt: skip
