"""The HTTP server of one worker: uvicorn's, but how connections are accepted and slow clients looked after.

The event loop accepts one connection a turn. When turns are long, connections wait in the kernel for seconds, and what
is in them is neither answered nor refused: nobody knows of it. Here as many are accepted as wait.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Callable, Sequence
from typing import cast

import uvicorn

from hub.one_write import OneWriteProtocol
from hub.slow_clients import EVERY, SlowClients
from hub.tls import HANDSHAKE_SECONDS, Tls

MOST_A_TURN = 64
"""Connections accepted in one turn of the event loop."""
PAUSE = 0.5
"""Seconds without accepting when no further file may be opened."""


class Server(uvicorn.Server):
    """Serves connections of the one socket it is given."""

    def __init__(self, config: uvicorn.Config, tls: Tls | None = None) -> None:
        super().__init__(config)
        self._slow, self._tls = SlowClients(), tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept."""
        await super().startup(sockets=[])
        for listener in sockets or ():
            self.servers.append(cast("asyncio.Server", Accepting(listener, self._protocol, self._tls)))

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; whether to end."""
        if counter % round(EVERY * 10) == 0:
            self._slow.look(self.server_state.connections, time.monotonic())
            if self._tls is not None:
                self._tls.look()
        return await super().on_tick(counter)

    def _protocol(self) -> asyncio.Protocol:
        return OneWriteProtocol(self.config, self.server_state, self.lifespan.state)


class Accepting:
    """Takes connections from a listening socket, which other processes may listen on too."""

    def __init__(
        self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol], tls: Tls | None = None
    ) -> None:
        self._listener, self._protocol, self._tls = listener, protocol, tls
        self.sockets: Sequence[socket.socket] = (listener,)
        self._loop = asyncio.get_running_loop()
        self._turn = 1
        self._opening: set[asyncio.Task[object]] = set()
        self._closed = False
        listener.setblocking(False)
        self._begin()

    def _begin(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        # One at first, so that an idle process leaves the others their share; twice as many each turn while they wait.
        for _ in range(self._turn):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._turn = 1
                return
            except OSError:
                # No more files, or no memory: those that are open will be closed some time.
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE, self._begin)
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._opens(connection))
            self._opening.add(task)
            task.add_done_callback(self._opened)
        self._turn = min(self._turn * 2, MOST_A_TURN)

    async def _opens(self, connection: socket.socket) -> None:
        tls = self._tls
        if tls is None:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        else:
            await self._loop.connect_accepted_socket(
                self._protocol, connection, ssl=tls.context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )

    def _opened(self, task: asyncio.Task[object]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            task.exception()  # the client has gone meanwhile: nothing to tell anybody

    def close(self) -> None:
        """No more connections."""
        self._closed = True
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Until those that are being opened are open."""
        await asyncio.gather(*self._opening, return_exceptions=True)


def allow_files(wanted: int) -> None:
    """Lets this process have so many files open, as far as the system allows; its connections count as files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
