"""Serves a simulated language model on a socket of this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from simulators.hanging_up import Ended, Wired
from simulators.language_model.rest import Model, app


@asynccontextmanager
async def serving(model: Model, port: int = 0) -> AsyncIterator[str]:
    """Serves it; the base URL a client is set to. Raises OSError: the port is taken."""
    config = uvicorn.Config(
        Ended(app(model)), host="127.0.0.1", port=port, http=Wired, log_level=logging.CRITICAL, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError("the simulator could not listen")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = server.force_exit = True
        await task
