"""Events on their way into the trail: stored durably before the answer they belong to is sent.

Those of requests that wait at the same moment share one commit and one row; a lone one goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fhir_server.arrays import bytea_array, int8_array
from fhir_server.audit.event import Event, lines_of
from fhir_server.statement import Statement

_STORE = "insert into audit_intake (lines, events) values (($1::bytea[])[1], ($2::bigint[])[1])"
_TURNS = 3


def store(events: Sequence[Event]) -> Statement:
    """The statement that stores events."""
    return Statement(_STORE, (bytea_array([lines_of(events)]), int8_array([len(events)])), binary=True)


class Intake:
    """Stores events in groups."""

    def __init__(self, run: Callable[[Statement], Awaitable[object]], *, limit: int = 500) -> None:
        """run: commits a statement; limit: events per commit."""
        self._run, self._limit = run, limit
        self._waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def note(self, event: Event) -> None:
        """Returns when the event is stored. Raises what the commit raised: nothing may be answered then."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        if self._task is None:
            # One commit at a time: who comes meanwhile goes together with the next, which is cheaper than at once.
            self._task = asyncio.create_task(self._work())
        await future

    async def _work(self) -> None:
        while self._waiting:
            await self._gathered()
            group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                await self._run(store([event for event, _ in group]))
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                for _, future in group:
                    if not future.done():  # nobody waits where the request was given up
                        future.set_exception(error)
                continue
            for _, future in group:
                if not future.done():
                    future.set_result(None)
        self._task = None

    async def _gathered(self) -> None:
        """Lets those come that are about to, while each turn of the event loop brings some: no time passes for it."""
        for _ in range(_TURNS):
            before = len(self._waiting)
            await asyncio.sleep(0)
            if len(self._waiting) == before:
                return
