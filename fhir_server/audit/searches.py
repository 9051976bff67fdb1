"""Searches that read little and wait at the same moment: one round trip, and one commit of their events.

A round trip and a commit of its own for each cost as much as the search itself. They are answered when their events are
on disk, and woken once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

from fhir_server.audit.company import Company
from fhir_server.audit.event import Event
from fhir_server.audit.intake import store
from fhir_server.audit.trail import Trail
from fhir_server.postgres import DatabaseError, Row
from fhir_server.statement import Statement

Run = Callable[[Sequence[Statement]], Awaitable[list[list[Row]]]]

_TOGETHER, _MOST = 2, 8
"""Groups under way: as a rule, for one is read while another is answered; and where they take long."""
_LIMIT = 32
"""Searches of a group."""
_PATIENCE = 0.01
"""Seconds in which no group begins, after which another one goes beside those under way."""


class _Searching(NamedTuple):
    """A search that waits."""

    trail: Trail
    statement: Statement
    shows: Callable[[list[Row]], Sequence[int]]
    answer: asyncio.Future[list[Row]]


class Searches:
    """Reads for those who wait, then stores what each is shown, then answers."""

    def __init__(self, read: Run, commit: Run) -> None:
        """Both take the statements of one transaction."""
        self._read, self._commit = read, commit
        self._waiting: list[_Searching] = []
        self._under_way: dict[asyncio.Task[None], Sequence[_Searching]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._company = Company(lambda: len(self._waiting))
        self._gathering, self._looking, self._begun = False, False, 0

    async def search(
        self, trail: Trail, statement: Statement, shows: Callable[[list[Row]], Sequence[int]]
    ) -> list[Row]:
        """The rows of a statement that reads little; the event of showing what is in them is stored.

        shows: rows -> rids of what the answer shows of them. Raises what reading or the commit raised.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Row]] = loop.create_future()
        self._waiting.append(_Searching(trail, statement, shows, answer))
        self._company.come()
        if not self._gathering:
            if len(self._tasks) < _TOGETHER:
                self._start()
            elif not self._looking:
                self._looking = True
                loop.call_later(_PATIENCE, self._look, self._begun)
        try:
            rows = await answer
        except asyncio.CancelledError:
            self._given_up()
            raise
        trail.stored = True
        return rows

    def _start(self) -> None:
        self._gathering = True
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _look(self, begun: int) -> None:
        """Lets another group go if none has gone since `begun` were."""
        self._looking = bool(self._waiting) and not self._gathering
        if self._looking:
            if self._begun == begun and len(self._tasks) < _MOST:
                self._start()
            asyncio.get_running_loop().call_later(_PATIENCE, self._look, self._begun)

    def _given_up(self) -> None:
        """Somebody has left: what nobody waits for any more is not read to its end."""
        for task, group in self._under_way.items():
            if all(one.answer.done() for one in group):
                task.cancel()

    async def _work(self) -> None:
        while self._waiting:
            self._gathering = True
            await self._company.gathered(_LIMIT)
            group, self._waiting = self._waiting[:_LIMIT], self._waiting[_LIMIT:]
            self._gathering = False
            self._begun += 1
            if waiting := [one for one in group if not one.answer.done()]:
                settling = asyncio.create_task(self._settle(waiting))
                self._under_way[settling] = waiting
                await asyncio.wait([settling])
                del self._under_way[settling]
            self._company.answered(len(group))
            if self._gathering:  # another one has begun
                break
        # Here, not only when the loop gets to the callbacks: what comes before that would be left waiting.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _settle(self, group: Sequence[_Searching]) -> None:
        try:
            found = await self._read([one.statement for one in group])
            events = [_event(one, rows) for one, rows in zip(group, found, strict=True)]
            await self._commit([store(events)])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(group) > 1 and isinstance(error, DatabaseError):
                # It may be the fault of one of them, and each is to fail for itself.
                await asyncio.gather(*(self._settle([one]) for one in group))
                return
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, rows in zip(group, found, strict=True):
            if not one.answer.done():
                one.answer.set_result(rows)


def _event(searching: _Searching, rows: list[Row]) -> Event:
    return searching.trail.showed(searching.shows(rows))
