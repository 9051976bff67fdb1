"""Waiting for one's turn inside this process, before a database connection is taken.

Requests that must follow one another anyway (the same criteria, the same resource) would otherwise hold a connection
each while they wait for the advisory lock of the first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable


class Turns:
    """Turns per key, first come first served; a key is known only while somebody holds it."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def turn(self, key: Hashable) -> Turn:
        """Holds the key inside `async with`."""
        return Turn(self._waiting, key)


class Turn:
    """One turn of one key."""

    __slots__ = ("_key", "_waiting")

    def __init__(self, waiting: dict[Hashable, deque[asyncio.Future[None]]], key: Hashable) -> None:
        self._waiting, self._key = waiting, key

    async def __aenter__(self) -> None:
        line = self._waiting.get(self._key)
        if line is None:
            self._waiting[self._key] = deque()
            return
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(ready)
        try:
            await ready
        except asyncio.CancelledError:
            if not ready.cancelled():  # the turn had come in the same moment
                self._pass_on()
            raise

    async def __aexit__(self, *error: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        line = self._waiting[self._key]
        while line:
            ready = line.popleft()
            if not ready.done():  # else whoever waited has given up
                ready.set_result(None)
                return
        del self._waiting[self._key]
