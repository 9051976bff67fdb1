"""An access token: had once for all callers, renewed a minute early, asked for by one of them at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

EARLY = 60.0
"""Seconds before its end that a token is renewed."""


class Tokens:
    """One token for all callers of a process; `until`: when it is renewed, 0 before there is one."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]], now: Callable[[], float]) -> None:
        """fetch: a new token and its seconds to live; now: monotonic seconds."""
        self._fetch, self._now = fetch, now
        self._token, self.until = "", 0.0
        self._renewing: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """A token that is good. Raises what fetching raised, to everybody who waited for it."""
        if self._token and self._now() < self.until:
            return self._token
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
            self._renewing.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewing)  # a caller that leaves ends nobody else's wait

    def refused(self, token: str) -> None:
        """The partner takes a token no longer; one that was had since stays."""
        if token == self._token:
            self._token = ""

    async def _renew(self) -> str:
        token, seconds = await self._fetch()
        self._token, self.until = token, self._now() + max(seconds - EARLY, seconds / 2)
        return token

    def _renewed(self, task: asyncio.Task[str]) -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; where nobody waits any more it is no fault of the process
