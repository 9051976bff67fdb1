"""Serves a simulated language model on a socket of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulators.language_model.rest import Model, app
from simulators.on_socket import on_socket


@asynccontextmanager
async def serving(model: Model, port: int = 0) -> AsyncIterator[str]:
    """Serves it; the base URL a client is set to. Raises OSError: the port is taken."""
    async with on_socket(app(model), port) as url:
        yield f"{url}/v1"
