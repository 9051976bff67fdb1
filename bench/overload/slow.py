"""Clients that dawdle: heads and bodies that come a byte at a time, answers that are not read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

PAUSE = 2.0
CLIENTS = {"head": 40, "body": 40, "unread": 4}
"""Those who do not read cost the hub ten answers each time."""


class SlowClients:
    """So many of each kind, coming back when the hub has closed on them."""

    def __init__(self, host: str, port: int, path: str) -> None:
        """path: of something large to read."""
        self._host, self._port = host, port
        self._path = path
        self.closed: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for kind, first in {
            "head": b"GET /fhir/metadata HTTP/1.1\r\nHost: hub\r\nX-Slow: ",
            "body": b"POST /fhir/Observation HTTP/1.1\r\nHost: hub\r\nContent-Type: application/fhir+json\r\n"
            b"Content-Length: 100000\r\n\r\n",
            "unread": f"GET {self._path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode() * 10,
        }.items():
            self._tasks += [asyncio.create_task(self._dawdle(kind, first)) for _ in range(CLIENTS[kind])]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _dawdle(self, kind: str, first: bytes) -> None:
        while True:
            with contextlib.suppress(OSError):
                # A small buffer: what is not read must not disappear in the client's own.
                reader, writer = await asyncio.open_connection(self._host, self._port, limit=2**12)
                try:
                    writer.write(first)
                    while not writer.is_closing() and not reader.at_eof():
                        await asyncio.sleep(PAUSE)
                        if kind == "unread":
                            writer.write(b"GET ")  # told of a reset by writing, as it never reads
                            await writer.drain()
                        else:
                            writer.write(b"x")
                            await writer.drain()
                finally:
                    writer.close()
            self.closed[kind] += 1
            await asyncio.sleep(PAUSE)
