"""How many calls go out, and whose go first: a token bucket with three lanes. Tasy contract, section 3.

1,000 calls a minute are allowed to a client; the bucket stays below that, so that no caller meets a 429. A fifth of
it is kept for what is urgent, and background work has its own, smaller bucket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapters.partner_errors import PartnerUnavailable

URGENT, INTERACTIVE, BACKGROUND = range(3)

RATE, BURST = 15.8, 50.0
"""Calls a second, and at once: together no more than 1,000 in any minute, which 16 a second would be by ten."""
KEPT = 0.2
"""Share of the burst that is for urgent calls alone."""
SHARE = 0.3
"""Share of rate and burst that background work gets at most."""


class Bucket:
    """The bucket, by whatever clock it is told."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._level, self._background = BURST, BURST * SHARE
        self._held = 0.0

    def wait(self, lane: int, now: float) -> float:
        """Seconds until a call of a lane may go out; 0: at once."""
        self._refill(now)
        wait = max(0.0, self._held - now)
        kept = 0.0 if lane == URGENT else BURST * KEPT
        wait = max(wait, (kept + 1 - self._level) / RATE)
        if lane == BACKGROUND:
            wait = max(wait, (1 - self._background) / (RATE * SHARE))
        return wait

    def take(self, lane: int, now: float) -> None:
        """Counts a call that goes out."""
        self._refill(now)
        self._level -= 1
        if lane == BACKGROUND:
            self._background -= 1

    def hold(self, until: float) -> None:
        """Nothing goes out before: the partner said so."""
        self._held = max(self._held, until)

    def left(self, now: float) -> tuple[float, float]:
        """Calls that could go out, and seconds for which the partner wants none."""
        self._refill(now)
        return self._level, max(0.0, self._held - now)

    def _refill(self, now: float) -> None:
        passed, self._at = max(0.0, now - self._at), max(now, self._at)
        self._level = min(BURST, self._level + passed * RATE)
        self._background = min(BURST * SHARE, self._background + passed * RATE * SHARE)


class Lanes:
    """Callers wait for their turn, first come, first served within a lane."""

    def __init__(self, now: Callable[[], float]) -> None:
        """now: the event loop's seconds."""
        self._now, self._bucket = now, Bucket(now())
        self._turns = [asyncio.Lock() for _ in range(3)]

    async def turn(self, lane: int, deadline: float) -> None:
        """Returns when a call may go out. Raises PartnerUnavailable where that would be after the caller's deadline."""
        try:
            async with asyncio.timeout_at(deadline), self._turns[lane]:
                while (wait := self._bucket.wait(lane, self._now())) > 0:
                    if self._now() + wait > deadline:
                        raise PartnerUnavailable("more is asked than may be sent", wait)
                    await asyncio.sleep(wait)
                self._bucket.take(lane, self._now())
        except TimeoutError as error:
            raise PartnerUnavailable("more is asked than may be sent", 1) from error

    def told(self) -> dict[str, float]:
        """How many calls could go out now, and how many may in a second and at once; seconds nothing may."""
        left, held = self._bucket.left(self._now())
        return {"left": round(left, 1), "rate": RATE, "burst": BURST, "held": round(held, 1)}

    def hold(self, seconds: float) -> None:
        """The partner wants no call for so long."""
        self._bucket.hold(self._now() + seconds)
