"""How much one process takes on at once. What is too much is refused at once: a line that grows helps nobody.

Of what is admitted only so many requests are worked on together while the process has no time to spare. The more there
are, the longer a turn of the event loop takes, and whatever needs several turns, such as a search that gets a database
connection, asks and is answered, takes as many times longer, with the connections idle in between. When turns are short
the process only waits for the database, and slow statements of some keep nobody else from beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType

TOGETHER = 48
"""Requests worked on together while turns are long."""
SHORT_TURN = 0.005
"""Seconds within which a turn of the event loop is over when the process has time to spare."""
LOOK_AGAIN = 0.05
"""Seconds between looks at that while requests wait."""


class Busy(Exception):
    """As much is under way as is answered in good time."""


class Admission:
    """Counts the requests under way and the bytes of their bodies."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests, self.max_bytes = max_requests, max_bytes
        self.requests = self.bytes = self.working = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False

    def place(self, size: int) -> Place:
        """A place for a request with a body of `size` bytes."""
        return Place(self, size)

    async def turn(self) -> None:
        """Waits until the request may be worked on, and counts it; first come, first served."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if not self._looking:
            self._looking = True
            self._look()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.ended()
            raise

    def ended(self) -> None:
        """One that was worked on is done: the next may begin."""
        self.working -= 1
        self._let(TOGETHER - self.working)

    def _let(self, count: int) -> None:
        while count > 0 and self._waiting:
            one = self._waiting.popleft()
            if not one.done():
                self.working += 1
                count -= 1
                one.set_result(None)

    def _look(self) -> None:
        # Twice round, so that a whole turn lies between, whatever part of one we are in.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._judge, time.perf_counter())

    def _judge(self, asked: float) -> None:
        if time.perf_counter() - asked < SHORT_TURN:
            self._let(TOGETHER)
        self._looking = bool(self._waiting)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look)


class Place:
    """Held, as a context, from a request's head to its answer. While its body comes it counts by its bytes alone, so
    that clients who send slowly keep nobody out; from `begin` on it counts as under way."""

    __slots__ = ("_admission", "_begun", "_size", "_working")

    def __init__(self, admission: Admission, size: int) -> None:
        self._admission, self._size = admission, size
        self._begun = self._working = False

    def __enter__(self) -> Place:
        """Raises Busy where the request could not begin now; a lone request is never refused."""
        admission = self._admission
        if admission.requests >= admission.max_requests or (
            admission.bytes and admission.bytes + self._size > admission.max_bytes
        ):
            raise Busy
        admission.bytes += self._size
        return self

    def begin(self) -> bool:
        """The body is there; whether the request may be worked on at once, else `turn` has to be awaited.

        Raises Busy: others may have begun meanwhile.
        """
        admission = self._admission
        if admission.requests >= admission.max_requests:
            raise Busy
        admission.requests += 1
        self._begun = True
        if admission.working < TOGETHER:
            admission.working += 1
            self._working = True
        return self._working

    async def turn(self) -> None:
        """Waits until the request may be worked on."""
        await self._admission.turn()
        self._working = True

    def leave(self) -> None:
        """What is left to do is little, and waits for others: the next may begin."""
        if self._working:
            self._working = False
            self._admission.ended()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """While the request waits for somebody else: others are worked on meanwhile, then it takes its turn again."""
        self.leave()
        yield
        if self._admission.working < TOGETHER:
            self._admission.working += 1
        else:
            await self._admission.turn()
        self._working = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.bytes -= self._size
        self._admission.requests -= self._begun
        if self._working:
            self._admission.ended()
