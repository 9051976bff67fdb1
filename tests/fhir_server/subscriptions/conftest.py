"""A server with its relay in this process, and an endpoint that subscriptions may name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from fhir_server.app import App
from fhir_server.dispatch import Server
from fhir_server.metrics import Metrics
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.courier import Patience
from fhir_server.subscriptions.relay import Pace, Relay
from hub.outbound import Allowed, Door
from tests.fhir_server.conftest import BASE, _elsewhere
from tests.fhir_server.subscriptions.endpoint import Endpoint, listening
from tests.fhir_server.subscriptions.listening_client import websockets

TOPIC = f"{BASE}/SubscriptionTopic/resource-change"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
QUICK = Patience(first=0.02, most=0.1, attempts=3)


class Relaying:
    """A client of a server, whose relay can be stopped and started."""

    def __init__(self, client: httpx2.AsyncClient, store: ResourceStore, **options: Any) -> None:
        self.client, self.store = client, store
        self._options: dict[str, Any] = {"pace": Pace(contest=0.05), "patience": QUICK, "now": store.now} | options
        self._task: asyncio.Task[None] | None = None
        self.log: list[dict[str, object]] = []

    def start(self) -> None:
        self._door = Door(Allowed(frozenset({"http"}), loopback=True))
        self.relay = Relay(self.store, self._door.send, log=self.log.append, **self._options)
        self._task = asyncio.create_task(self.relay.run())

    async def stop(self) -> None:
        """As a kill would: no matter what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._door.close()
            self._task = None

    async def subscribe(self, endpoint: Endpoint, criteria: str = "Observation?", **more: Any) -> str:
        """Id of a new Subscription; `more`: further elements, those of `channel` put into it."""
        channel = {"type": "rest-hook", "endpoint": endpoint.url, "payload": "application/fhir+json"}
        channel |= more.pop("channel", {})
        resource = {
            "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria,
            "channel": {name: value for name, value in channel.items() if value is not None}, **more,
        }  # fmt: skip
        return str((await self.written("POST", "Subscription", resource))["id"])

    async def written(self, method: str, path: str, resource: Any) -> Any:
        """The resource as it was stored."""
        response = await self.client.request(
            method, path, json=resource, headers={"content-type": "application/fhir+json"}
        )
        assert response.status_code in (200, 201), response.text
        return response.json()

    async def subscription(self, id: str) -> Any:
        return (await self.client.get(f"Subscription/{id}")).json()

    async def reaches(self, id: str, status: str, seconds: float = 10) -> Any:
        """The Subscription, once it has the status."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.subscription(id)
                if found["status"] == status:
                    return found
                await asyncio.sleep(0.01)


def topic(content: str, *filters: str, **channel: Any) -> dict[str, Any]:
    """Elements of a Subscription to the topic of all changes."""
    extensions = [{"url": f"{BACKPORT}filter-criteria", "valueString": one} for one in filters]
    payload = {"extension": [{"url": f"{BACKPORT}payload-content", "valueCode": content}]}
    return {
        "criteria": TOPIC,
        **({"_criteria": {"extension": extensions}} if extensions else {}),
        "channel": {"_payload": payload, **channel},
    }


def observation(value: int, id: str | None = None, code: str = "8867-4", **more: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation", "status": "final", "valueInteger": value,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, **more,
    }  # fmt: skip
    return resource if id is None else resource | {"id": id}


@asynccontextmanager
async def relaying(url: str, *, start: bool = True, **options: Any) -> AsyncIterator[Relaying]:
    """A server on the database; `options` go to the relay."""
    store = ResourceStore(url, BASE)
    app = App(Server(store, BASE, store.now), _elsewhere, metrics=Metrics(CollectorRegistry()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE + "/", timeout=60) as client:
        relay = Relaying(client, store, **options)
        if start:
            relay.start()
        try:
            yield relay
        finally:
            await relay.stop()
            store.close()


@pytest.fixture
async def relay(database: str) -> AsyncIterator[Relaying]:
    async with relaying(database) as relay:
        yield relay


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with listening() as endpoint:
        yield endpoint


@pytest.fixture
async def url(database: str, relay: Relaying) -> AsyncIterator[str]:
    """Of the websockets of a worker beside the one that relays."""
    async with websockets(database) as url:
        yield url
