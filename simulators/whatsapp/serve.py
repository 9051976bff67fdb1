"""Serves a simulated WhatsApp on a socket of this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx2
import uvicorn

from simulators.hanging_up import Ended, Wired
from simulators.whatsapp.installation import Account
from simulators.whatsapp.rest import app
from simulators.whatsapp.webhooks import Webhooks


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
            Ended(app(account, webhooks.tell)), host="127.0.0.1", port=port, http=Wired,
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
