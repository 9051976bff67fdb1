"""Connections are accepted as fast as they come, however long the turns of the event loop are."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from hub import http_server
from hub.http_server import Accepting, Server

pytestmark = pytest.mark.alone

BUSY = 0.02
"""Seconds for which the loop is kept from its connections, turn after turn."""


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[Server, int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(200)
        server = Server(uvicorn.Config(_app, lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve([listener]))
        yield server, listener.getsockname()[1]
        server.should_exit = server.force_exit = True
        await task


async def test_a_crowd_is_accepted_in_a_few_turns_of_a_busy_loop() -> None:
    async with served() as (server, port):
        turns = 0

        def busy() -> None:
            nonlocal turns
            turns += 1
            time.sleep(BUSY)
            if len(server.server_state.connections) < 100 and turns < 100:
                asyncio.get_running_loop().call_soon(busy)

        await asyncio.sleep(0.2)
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            busy()
            while len(server.server_state.connections) < 100 and turns < 100:  # noqa: ASYNC110 - turn by turn
                await asyncio.sleep(0)
            assert turns < 20


class _Listener:
    """A listening socket of a system that has no more files."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner, self.failures = inner, 3

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "too many open files")
        return self._inner.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_accepting_goes_on_when_files_are_to_be_had_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "PAUSE", 0.01)
    accepted = asyncio.Event()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set()
            transport.close()

    with socket.socket() as inner:
        inner.bind(("127.0.0.1", 0))
        inner.listen()
        listener: Any = _Listener(inner)
        accepting = Accepting(listener, Protocol)
        with socket.create_connection(inner.getsockname()):
            async with asyncio.timeout(5):
                await accepted.wait()
        assert listener.failures == 0
        accepting.close()
        await accepting.wait_closed()
