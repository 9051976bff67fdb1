"""A server on a socket that takes websockets, and a client that listens to one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from fhir_server.app import App
from fhir_server.dispatch import Server
from fhir_server.metrics import Metrics
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.switchboard import Switchboard
from fhir_server.subscriptions.websocket import Limits
from hub.websocket_protocol import AcknowledgedProtocol
from tests.fhir_server.conftest import BASE, _elsewhere


@asynccontextmanager
async def websockets(url: str, limits: Limits | None = None, *, log: Any = None, **more: Any) -> AsyncIterator[str]:
    """URL of the websockets of a worker on the database that has no relay. `more`: of the App."""
    store = ResourceStore(url, BASE)
    switchboard = Switchboard(store, now=store.now, limits=limits, log=log or (lambda record: None))
    app = App(
        Server(store, BASE, store.now),
        _elsewhere,
        metrics=Metrics(CollectorRegistry()),
        switchboard=switchboard,
        **more,
    )
    config = uvicorn.Config(
        app, ws=AcknowledgedProtocol, lifespan="off", log_config=None, ws_per_message_deflate=False, ws_max_size=4096
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/fhir/_websocket"
        finally:
            server.should_exit = True
            await task
            switchboard.close()
            store.close()


class Listener:
    """A client that binds with a token and keeps what it is told."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def ask(self, text: str) -> None:
        await self.connection.send(text)

    async def text(self, seconds: float = 10) -> str:
        async with asyncio.timeout(seconds):
            return str(await self.connection.recv())

    async def bundle(self, kind: str | None = None) -> dict[str, Any]:
        """The next Bundle; those of other kinds are passed over if one is named."""
        while True:
            bundle: dict[str, Any] = json.loads(await self.text())
            assert bundle["resourceType"] == "Bundle", bundle
            if kind is None or status(bundle)["type"] == kind:
                return bundle

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next events, and what their entries hold."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            bundle = await self.bundle("event-notification")
            told = status(bundle)["events"]
            entries = bundle["entry"][1:] or [{}] * len(told)
            found += [event | {"entry": entry} for event, entry in zip(told, entries, strict=True)]
        return found

    async def ends(self) -> tuple[int, str]:
        """Code and reason with which the server closes."""
        await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


def status(bundle: dict[str, Any]) -> dict[str, Any]:
    """name -> value of the status in a notification; `events`: of each event."""
    found: dict[str, Any] = {"events": []}
    for one in bundle["entry"][0]["resource"]["parameter"]:
        value = next(v for name, v in one.items() if name != "name")
        if one["name"] == "notification-event":
            found["events"].append({part["name"]: next(v for n, v in part.items() if n != "name") for part in value})
        else:
            found[one["name"]] = value
    return found


@asynccontextmanager
async def listener(url: str, *asked: str, **more: Any) -> AsyncIterator[Listener]:
    """A client that has sent these messages."""
    async with connect(url, compression=None, **more) as connection:
        client = Listener(connection)
        for text in asked:
            await client.ask(text)
        yield client
