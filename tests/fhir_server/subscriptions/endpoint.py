"""A real HTTP endpoint on a socket, that records what it is told and misbehaves as it is asked to."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    """time.time()"""
    taken: bool
    """It was answered 200."""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """Answers 200, unless `behaviours` holds something else for the next requests: a status, "hang" or "close"."""

    port: int = 0
    behaviours: deque[int | str] = field(default_factory=deque)
    always: int | str = 200
    """When there are no behaviours left."""
    delay: Callable[[], float] = lambda: 0.0
    told: list[Told] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def taken(self) -> list[Told]:
        """What it answered 200."""
        return [one for one in self.told if one.taken]

    async def until(self, holds: Callable[[], bool], seconds: float = 15) -> None:
        """Waits until it holds. Raises AssertionError with what was told."""
        limit = time.monotonic() + seconds
        while not holds():
            summary = [(one.method, one.path, one.taken) for one in self.told[-20:]]
            assert time.monotonic() < limit, f"{len(self.told)} told, at last {summary}"
            await asyncio.sleep(0.005)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        behaviour = self.behaviours.popleft() if self.behaviours else self.always
        pause = self.delay()
        if pause:
            await asyncio.sleep(pause)
        self.told.append(Told(method, path, headers, body, time.time(), behaviour == 200))
        if behaviour == "hang":
            await asyncio.sleep(3600)
        if isinstance(behaviour, str):
            return False
        writer.write(b"HTTP/1.1 %d Answer\r\nContent-Length: 0\r\n\r\n" % behaviour)
        await writer.drain()
        return True


@asynccontextmanager
async def listening(endpoint: Endpoint | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """An endpoint on its port (a free one the first time)."""
    endpoint = endpoint or Endpoint()
    tasks = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await endpoint.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", endpoint.port, ssl=tls)
    endpoint.port = server.sockets[0].getsockname()[1]
    try:
        yield endpoint
    finally:
        server.close()
        for task in tasks:
            task.cancel()
