"""Serves a simulated WhatsApp on a socket of this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulators.whatsapp.installation import Account
from simulators.whatsapp.rest import HangUp, app
from simulators.whatsapp.webhooks import Webhooks


class _Wire(H11Protocol):
    """Tells the application its connection, so that it can end it without a word."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "wire": transport}


class _Ended:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._inner(scope, receive, send)
        except HangUp:
            scope["state"]["wire"].abort()


@dataclass(frozen=True, slots=True)
class Served:
    """A simulated WhatsApp that is being served."""

    url: str
    webhooks: Webhooks


@asynccontextmanager
async def serving(account: Account, webhook: str, port: int = 0) -> AsyncIterator[Served]:
    """Serves it. webhook: the hub's URL. Raises OSError: the port is taken."""
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        webhooks = Webhooks(account, http, webhook)
        config = uvicorn.Config(
            _Ended(app(account, webhooks.tell)), host="127.0.0.1", port=port, http=_Wire,
            log_level=logging.CRITICAL, lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        tasks = [asyncio.create_task(server.serve()), asyncio.create_task(webhooks.run())]
        try:
            while not server.started:
                if tasks[0].done():
                    tasks[0].result()
                    raise OSError("the simulator could not listen")
                await asyncio.sleep(0.01)
            bound = server.servers[0].sockets[0].getsockname()[1]
            yield Served(f"http://127.0.0.1:{bound}", webhooks)
        finally:
            server.should_exit = server.force_exit = True
            tasks[1].cancel()
            with suppress(asyncio.CancelledError):
                await tasks[1]
            await tasks[0]
