"""A simulated partner's application on a socket of this machine."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from simulators.hanging_up import Ended, Wired


@asynccontextmanager
async def on_socket(app: Any, port: int | socket.socket = 0) -> AsyncIterator[str]:
    """Serves it as long as the block; its URL. port: 0: any that is free; or a socket that is bound already.

    Raises OSError: the port is taken.
    """
    config = uvicorn.Config(
        Ended(app), host="127.0.0.1", port=0 if isinstance(port, socket.socket) else port, http=Wired,
        log_level=logging.CRITICAL, lifespan="off", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([port] if isinstance(port, socket.socket) else None))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError("the simulator could not listen")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task


def bound(port: int) -> socket.socket:
    """A socket at this port of this machine, or at any where it is taken. Raises OSError."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))
