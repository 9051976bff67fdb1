"""Serves a simulated WhatsApp on a socket of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx2

from simulators.on_socket import on_socket
from simulators.whatsapp.installation import Account
from simulators.whatsapp.rest import app
from simulators.whatsapp.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Served:
    """A simulated WhatsApp that is being served."""

    url: str
    webhooks: Webhooks


@asynccontextmanager
async def serving(account: Account, webhook: str, port: int | socket.socket = 0) -> AsyncIterator[Served]:
    """Serves it. webhook: the hub's URL; port: or a bound socket. Raises OSError: the port is taken."""
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        webhooks = Webhooks(account, http, webhook)
        telling = asyncio.create_task(webhooks.run())
        try:
            async with on_socket(app(account, webhooks.tell), port) as url:
                yield Served(url, webhooks)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
