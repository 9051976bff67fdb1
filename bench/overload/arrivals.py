"""Requests sent when they are due, whether or not earlier ones were answered: an open loop, as many clients are.

A closed loop (wrk, ab) asks less the slower the answers come, and so never offers more than the server takes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from bench.overload.mix import Request

MOST = 5000
"""Connections; a request that would need one more counts as not sent."""
TICK = 0.002
LEAVES_AFTER = 0.03
"""Seconds after which a client that will not wait has left."""
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.I)


@dataclass(slots=True)
class Answered:
    """One request and what became of it."""

    kind: str
    due: float
    """Seconds since the run began."""
    took: float
    """Seconds from when it was due."""
    status: int
    """0: the connection was lost; -1: the client left, as it was meant to."""


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.request: Request | None = None
        self.due = 0.0
        self.buffer = b""
        self.missing = -1
        self.status = 0
        self.closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def send(self, request: Request, due: float) -> None:
        self.request, self.due, self.missing, self.buffer = request, due, -1, b""
        self.transport.write(request.raw)
        if request.leaves:
            asyncio.get_running_loop().call_later(LEAVES_AFTER, self._leave, request)

    def _leave(self, request: Request) -> None:
        if self.request is request:
            self._done(-1)
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.missing < 0:
            self.buffer += data
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end]
            self.status = int(head[9:12])
            length = _LENGTH.search(head)
            self.missing = (int(length[1]) if length else 0) - (len(self.buffer) - end - 4)
            self.closes = b"\r\nconnection: close" in head
            self.buffer = b""
        else:
            self.missing -= len(data)
        if self.missing <= 0 and self.request is not None:
            self._done(self.status)
            if self.closes:
                self.transport.close()
            else:
                self.load.idle.append(self)
            self.load.free()

    def _done(self, status: int) -> None:
        assert self.request is not None
        self.load.answered.append(
            Answered(self.request.kind, self.due, self.load.now() - self.due, status)
        )  # fmt: skip
        self.request = None

    def connection_lost(self, error: Exception | None) -> None:
        self.load.open -= 1
        if self.request is not None:
            self._done(0)


@dataclass
class Load:
    """Requests against one server."""

    host: str
    port: int
    requests: Iterator[Request]
    answered: list[Answered] = field(default_factory=list)
    unsent: int = 0
    lag: list[float] = field(default_factory=list)
    """Seconds by which requests were sent late: what the generator itself could not keep up with."""
    idle: deque[_Connection] = field(default_factory=deque)
    open: int = 0
    began: float = 0.0
    until: float = 0.0
    closed: bool = False

    def now(self) -> float:
        return time.perf_counter() - self.began

    async def offer(self, rate: float, seconds: float) -> None:
        """`rate` requests a second for so long. What is under way then is left to be answered."""
        self.began = time.perf_counter()
        sent = 0
        while (now := self.now()) < seconds:
            while sent < now * rate:
                self._send(sent / rate)
                sent += 1
            await asyncio.sleep(TICK)

    async def keep_asking(self, clients: int, seconds: float) -> float:
        """So many clients who ask again as soon as they are answered; requests answered well a second."""
        self.began, self.until, self.closed = time.perf_counter(), seconds, True
        before = len(self.answered)
        for _ in range(clients):
            self._send(0.0)
        await asyncio.sleep(seconds)
        self.closed = False
        good = sum(200 <= one.status < 300 for one in self.answered[before:])
        return good / seconds

    def free(self) -> None:
        """In a closed loop the next request goes at once."""
        if self.closed and self.now() < self.until:
            self._send(self.now())

    def _send(self, due: float) -> None:
        request = next(self.requests)
        if request.leaves and self.closed:
            request = next(self.requests)
        self.lag.append(self.now() - due)
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                connection.send(request, due)
                return
        if self.open >= MOST:
            self.unsent += 1
            return
        self.open += 1
        task = asyncio.ensure_future(self._connect(request, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    _tasks: set[asyncio.Future[None]] = field(default_factory=set)

    async def _connect(self, request: Request, due: float) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), self.host, self.port
            )
        except OSError:
            self.open -= 1
            self.answered.append(Answered(request.kind, due, self.now() - due, 0))
        else:
            connection.send(request, due)

    async def finished(self, seconds: float) -> None:
        """Waits until nothing is under way, at most so long."""
        end = time.perf_counter() + seconds
        while len(self.idle) < self.open and time.perf_counter() < end:  # noqa: ASYNC110 - nobody knows which is the last
            await asyncio.sleep(0.01)
