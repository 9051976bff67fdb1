"""Who is about to come again is waited for, so that they share a commit; who comes alone goes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_CROWD = 4
"""So many answered together come again together."""
_SECONDS = 0.006
"""They are waited for at most: what it takes to answer them and to read what they ask next, on a busy machine too."""
_FORGOTTEN_SECONDS = 0.02
"""After which nobody expects them any more."""


class Company:
    """Of those who wait for the next commit."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        """waiting: how many wait."""
        self._waiting = waiting
        self._away, self._since = 0, 0.0
        """How many were answered and have not come again, and when the last of them were."""
        self._enough: tuple[int, asyncio.Future[None]] | None = None
        """How many the next commit waits for, and what it waits on."""

    def answered(self, number: int) -> None:
        """So many were."""
        now = asyncio.get_running_loop().time()
        self._away = number if now - self._since > _FORGOTTEN_SECONDS else self._away + number
        self._since = now

    def come(self) -> None:
        """One more waits."""
        if self._away:
            self._away -= 1
        if self._enough is not None and self._waiting() >= self._enough[0]:
            _settle(self._enough[1])

    async def gathered(self, limit: int) -> None:
        """Returns when those have come who are about to, or `limit` are there: while each turn of the event loop brings
        some no time passes for it; a crowd is waited for."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._since > _FORGOTTEN_SECONDS:
            self._away = 0
        expected = min(self._waiting() + self._away, limit)
        if expected < _CROWD:
            before = 0
            while self._waiting() > before:
                before = self._waiting()
                await asyncio.sleep(0)
        elif self._waiting() < expected:
            enough: asyncio.Future[None] = loop.create_future()
            self._enough = expected, enough
            timer = loop.call_later(_SECONDS, _settle, enough)
            await enough
            timer.cancel()
            self._enough = None
            if self._waiting() < expected:
                self._away //= 2  # some have gone for good, or a busy machine brings them late: who knows


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
