"""How long a request is worked on: until its deadline, and no longer than its client waits for it.

Nearly all requests are answered before anybody could lose patience, so the watch begins late and costs a timer.
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


class Patience:
    """Cancels what is done inside it when the deadline passes or the client leaves.

    The body must have been received: from then on an ASGI server has nothing to say but that the client left.
    """

    def __init__(self, receive: Receive, deadline: float) -> None:
        """deadline: seconds from now."""
        self._receive, self._deadline = receive, deadline
        self._watcher: asyncio.Task[None] | None = None
        self.ended: Ended | None = None

    def __enter__(self) -> Patience:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(min(GRACE, self._deadline), self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self.ended is None:
            return False
        self._task.uncancel()
        # Whatever came of it while it was being cancelled: nobody waits for it, or it is too late.
        return error is None or isinstance(error, asyncio.CancelledError)

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(max(self._deadline - GRACE, 0)):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
            self.ended = Ended.LEFT
        except TimeoutError:
            self.ended = Ended.LATE
        self._task.cancel()
