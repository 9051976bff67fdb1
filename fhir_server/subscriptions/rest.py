"""Waiting for a change, but no longer than so many seconds."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def rest(change: asyncio.Event, seconds: float) -> None:
    """Waits so long, or until the change."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await change.wait()
