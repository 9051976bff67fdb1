"""Events on their way into the trail: stored durably before the answer they belong to is sent.

Those of requests that wait at the same moment share one commit; a lone one goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from fhir_server.arrays import bytea_array
from fhir_server.audit.event import Event, line_of
from fhir_server.statement import Statement

_STORE = "insert into audit_intake (line) select unnest($1::bytea[])"


def store(events: Sequence[Event]) -> Statement:
    """The statement that stores events."""
    return Statement(_STORE, (bytea_array([line_of(event) for event in events]),), binary=True)


class Intake:
    """Stores events in groups."""

    def __init__(self, run: Callable[[Statement], Awaitable[object]], *, slots: int = 2, limit: int = 500) -> None:
        """run: commits a statement; limit: events per commit."""
        self._run, self._slots, self._limit = run, slots, limit
        self._waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def note(self, event: Event) -> None:
        """Returns when the event is stored. Raises what the commit raised: nothing may be answered then."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        if len(self._tasks) < self._slots:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.shield(future)

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                await self._run(store([event for event, _ in group]))
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                for _, future in group:
                    future.set_exception(error)
                    future.exception()  # marks it as seen, should the client have left
                continue
            for _, future in group:
                future.set_result(None)
        # Here, not only when the loop gets to the callbacks: what is noted before that would be left waiting.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
