"""Keeps long computations from holding up the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

TURN = 0.004
"""Seconds of computing after which others get their turn."""


@dataclass(slots=True)
class Pace:
    """Awaited once per step of a long loop; gives way to other tasks when a turn is over.

    >>> pace = Pace()
    >>> for entry in entries:
    ...     work(entry)
    ...     if pace.due():
    ...         await pace.rest()
    """

    since: float = field(default_factory=perf_counter)

    def due(self) -> bool:
        """Whether the turn is over. Cheap: one clock reading."""
        return perf_counter() - self.since > TURN

    async def rest(self) -> None:
        """Lets the event loop serve whatever is ready, then starts a new turn."""
        await asyncio.sleep(0)
        self.since = perf_counter()
