"""Clients that dawdle are closed on; slow ones that keep going, and idle connections, are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from hub import http_server, one_write, slow_clients

pytestmark = pytest.mark.alone

HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LARGE = 64 * 2**20


async def _app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    body = b"x" * (LARGE if scope["path"] == "/large" else 2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[http_server.Server]:
    """Looks ten times a second and has half a second of patience."""
    monkeypatch.setattr(http_server, "EVERY", 0.1)
    monkeypatch.setattr(slow_clients, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(slow_clients, "PACE_SECONDS", 0.5)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(_app, loop="uvloop", lifespan="off", log_config=None)
        server = http_server.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn's own
            await asyncio.sleep(0.01)
        yield server
        server.should_exit = server.force_exit = True
        await task


@pytest.fixture
def port(server: http_server.Server) -> int:
    """Of the server."""
    (accepting,) = server.servers
    number: int = accepting.sockets[0].getsockname()[1]
    return number


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**12)
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("after", "first", "drip"),
    [(False, b"", b""), (False, b"GET / HT", b""), (False, b"GET / HTTP/1.1\r\nX-Slow: ", b"x"),
     (False, HEAD % 1000, b""), (False, HEAD % 1000, b"x"), (True, b"GET", b"")],
    ids=["nothing", "part of a head", "a dripping head", "no body", "a dripping body", "part of a second head"],
)  # fmt: skip
async def test_what_does_not_come_in_time_is_given_up(port: int, after: bool, first: bytes, drip: bytes) -> None:
    async with asyncio.timeout(10), connected(port) as (reader, writer):
        if after:
            writer.write(GET)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\nxx")
        writer.write(first)
        answer = b""
        while not reader.at_eof():
            writer.write(drip)
            with contextlib.suppress(TimeoutError):
                answer += await asyncio.wait_for(reader.read(1000), 0.1)
        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_an_answer_nobody_takes_is_given_up(port: int, server: http_server.Server) -> None:
    async with asyncio.timeout(10), connected(port) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        while server.server_state.connections:  # noqa: ASYNC110 - uvicorn's own
            await asyncio.sleep(0.05)
        size = 0
        with contextlib.suppress(ConnectionResetError):
            while part := await reader.read(2**20):
                size += len(part)
        assert size < LARGE


async def test_a_body_that_keeps_coming_is_waited_for(port: int) -> None:
    async with asyncio.timeout(10), connected(port) as (reader, writer):
        writer.write(HEAD % (20 * 2**13))
        for _ in range(20):
            writer.write(bytes(2**13))
            await asyncio.sleep(0.06)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def test_an_idle_connection_stays(port: int) -> None:
    async with asyncio.timeout(10), connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(GET)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\nxx")
            await asyncio.sleep(1)


async def test_one_that_rests_too_long_is_closed_without_a_word(port: int, server: http_server.Server) -> None:
    server.config.timeout_keep_alive = 1
    async with asyncio.timeout(10), connected(port) as (reader, writer):
        for _ in range(4):  # as long as something comes now and then it stays
            writer.write(GET)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\nxx")
            await asyncio.sleep(0.4)
        assert await reader.read() == b""


async def test_more_connections_than_a_process_takes_are_sent_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_write, "MOST_CONNECTIONS", 2)
    async with asyncio.timeout(10), connected(port) as (reader, writer), connected(port):
        writer.write(GET)
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\nxx")
        async with connected(port) as (third, _):
            assert (await third.read()).startswith(b"HTTP/1.1 503 ")
        writer.write(GET)
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\nxx")
