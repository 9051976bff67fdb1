"""How long a request is worked on: until its deadline, and no longer than its client waits for it.

Nearly all requests are answered before anybody could lose patience: each is watched only when it has been under way
for a while, and one timer serves them all.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from types import TracebackType

from fhir_server.receive import Receive

GRACE = 0.25
"""Seconds after which a request is watched."""


class Ended(Enum):
    """Why a request was not worked on to its end."""

    LATE = "its deadline passed"
    LEFT = "its client left"


class Watch:
    """Those under way in a process that are not watched yet, oldest first."""

    def __init__(self) -> None:
        self._young: dict[Patience, float] = {}
        self._armed = False

    def add(self, patience: Patience) -> None:
        """Has it watched from some time on, unless it is removed until then."""
        loop = asyncio.get_running_loop()
        self._young[patience] = due = loop.time() + min(GRACE, patience.deadline)
        if not self._armed:
            self._armed = True
            loop.call_at(due, self._look, loop)

    def remove(self, patience: Patience) -> None:
        """It need not be watched any more."""
        self._young.pop(patience, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._young:
            patience, due = next(iter(self._young.items()))
            if due > now:
                loop.call_at(due, self._look, loop)
                return
            del self._young[patience]
            patience.begin()
        self._armed = False


class Patience:
    """Cancels what is done inside it when the deadline passes or the client leaves.

    The body must have been received: from then on an ASGI server has nothing to say but that the client left.
    """

    def __init__(self, watch: Watch, receive: Receive, deadline: float) -> None:
        """deadline: seconds from now; the same for all of one watch."""
        self._watch_of_all, self._receive, self.deadline = watch, receive, deadline
        self._watcher: asyncio.Task[None] | None = None
        self.ended: Ended | None = None

    def __enter__(self) -> Patience:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watch_of_all.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watch_of_all.remove(self)
        if self._watcher is not None:
            self._watcher.cancel()
            # A cancelled task keeps its error, which keeps the frames it went through, and so this: a circle.
            self._watcher = None
        if self.ended is None:
            return False
        self._task.uncancel()
        # Whatever came of it while it was being cancelled: nobody waits for it, or it is too late.
        return error is None or isinstance(error, asyncio.CancelledError)

    def begin(self) -> None:
        """It has been under way for a while: from now on it is watched."""
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(max(self.deadline - GRACE, 0)):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
            self.ended = Ended.LEFT
        except TimeoutError:
            self.ended = Ended.LATE
        self._task.cancel()
