"""Serves a simulated Tasy over mutual TLS on a socket of this machine."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from simulators.hanging_up import Ended, Wired
from simulators.tasy.certificates import Authority
from simulators.tasy.control import Control, add
from simulators.tasy.dialect import Dialect, Speaking
from simulators.tasy.installation import Tasy
from simulators.tasy.rest import app


class _Shown(Wired):
    """Tells the application which certificate the client showed, too."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        found: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, "certificate": found.getpeercert(True) if found else None}


@asynccontextmanager
async def serving(
    tasy: Tasy,
    authority: Authority,
    port: int = 0,
    control: Control | None = None,
    listener: socket.socket | None = None,
    dialect: Dialect | None = None,
) -> AsyncIterator[str]:
    """Serves it; yields the URL. Clients must show a certificate of the same authority. listener: instead of a port;
    dialect: its own names of paths and fields.

    Raises OSError: the port is taken.
    """
    pair, api = authority.server(), app(tasy)
    add(api, control or Control(tasy))
    config = uvicorn.Config(
        Ended(Speaking(api, dialect) if dialect else api), http=_Shown, log_level=logging.CRITICAL, lifespan="off",
        ssl_certfile=pair.certificate, ssl_keyfile=pair.key, ssl_ca_certs=str(authority.certificate),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )  # fmt: skip
    bound = listener or socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError("the simulator could not listen")
            await asyncio.sleep(0.01)
        yield f"https://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task
        bound.close()
