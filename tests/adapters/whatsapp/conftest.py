"""A simulated WhatsApp on a real socket, the hub's receiver on another, and the hub's client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn

from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import Door, WhatsApp
from adapters.whatsapp.webhook import Secrets, Webhook
from mappings.whatsapp.webhook import Message, Status, read
from simulators.whatsapp.installation import Account
from simulators.whatsapp.serve import Served, serving

TOKEN, SECRET, VERIFY = "a token of tests", "a secret of tests", "a word of tests"
CARE = "100000000000001"
ANA = "551788887777"


@dataclass
class Receiver:
    """Keeps what is told; on command it cannot."""

    bodies: list[bytes] = field(default_factory=list)
    away: int = 0
    """So many times it cannot keep anything."""
    kept: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def keep(self, body: bytes) -> None:
        if self.away:
            self.away -= 1
            raise PartnerUnavailable("the store is away")
        self.bodies.append(body)
        async with self.kept:
            self.kept.notify_all()

    def messages(self) -> list[Message]:
        return [one for body in self.bodies for one in read(body).messages]

    def statuses(self) -> list[Status]:
        return [one for body in self.bodies for one in read(body).statuses]


@dataclass
class Partner:
    account: Account
    served: Served
    receiver: Receiver
    url: str
    """Of the receiver."""
    client: WhatsApp
    http: httpx2.AsyncClient

    async def settled(self) -> None:
        await self.served.webhooks.settled()

    async def statuses_of(self, id: str, count: int) -> list[str]:
        """States that were told of a message, once there are so many."""

        def found() -> list[str]:
            return [one.state for one in self.receiver.statuses() if one.id == id]

        async with asyncio.timeout(10), self.receiver.kept:
            await self.receiver.kept.wait_for(lambda: len(found()) >= count)
        return found()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    receiver = Receiver()
    config = uvicorn.Config(
        Webhook(Secrets(SECRET, VERIFY), receiver.keep), host="127.0.0.1", port=0, log_level=logging.CRITICAL,
        lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/whatsapp/webhook"
    account = Account(TOKEN, SECRET, VERIFY)
    async with serving(account, url) as served, httpx2.AsyncClient(trust_env=False) as http:
        yield Partner(account, served, receiver, url, WhatsApp(http, Door(served.url, TOKEN)), http)
    server.should_exit = server.force_exit = True
    with suppress(asyncio.CancelledError):
        await task
