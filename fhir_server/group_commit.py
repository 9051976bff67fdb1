"""Writes that wait at the same moment share one transaction; a lone write goes at once.

One group is under way at a time: whatever comes meanwhile makes the next one, and large groups are cheap. Only where a
group takes long, because it waits for somebody else's lock, another one goes beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from fhir_server.postgres import ConnectionLost
from fhir_server.store_errors import StaleParameters
from fhir_server.version import Version
from fhir_server.write import Write

PATIENCE = 0.01
"""Seconds a group may be under way before another one goes beside it."""


class GroupCommit:
    """Commits queued writes together. If a group fails its halves are tried, so that each write fails for itself."""

    def __init__(
        self, commit: Callable[[Sequence[Write]], Awaitable[None]], *, slots: int = 4, limit: int = 64
    ) -> None:
        """commit: writes all or raises; slots: groups under way at most; limit: writes per group."""
        self._commit, self._slots, self._limit = commit, slots, limit
        self._waiting: list[tuple[Write, asyncio.Future[Version]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._looking = False

    async def write(self, write: Write) -> Version:
        """Commits one write. Raises what its own commit raised."""
        future: asyncio.Future[Version] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, future))
        if not self._tasks:
            self._start()
        elif not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(PATIENCE, self._look, self._begun)
        return await future  # a client that leaves does not undo what is under way

    def _start(self) -> None:
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _look(self, begun: int) -> None:
        """Lets another group go if none has gone since `begun` were."""
        if self._waiting and self._begun == begun and len(self._tasks) < self._slots:
            self._start()
        self._looking = bool(self._waiting)
        if self._looking:
            asyncio.get_running_loop().call_later(PATIENCE, self._look, self._begun)

    async def _work(self) -> None:
        while self._waiting:
            group: list[tuple[Write, asyncio.Future[Version]]] = []
            later: list[tuple[Write, asyncio.Future[Version]]] = []
            rids: set[int] = set()
            for item in self._waiting:
                rid = item[0].version.rid
                # Two writes of one resource cannot share a statement: the second waits, and then conflicts.
                if len(group) < self._limit and rid not in rids:
                    rids.add(rid)
                    group.append(item)
                else:
                    later.append(item)
            self._waiting = later
            self._begun += 1
            await self._settle(group)
        # Here, not only when the loop gets to the callbacks: what is written before that would be left waiting.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _settle(self, group: list[tuple[Write, asyncio.Future[Version]]]) -> None:
        try:
            await self._commit([write for write, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(group) == 1 or isinstance(error, ConnectionLost | StaleParameters):
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                # Halves, so that one that fails among many costs a few commits more, not one for each.
                middle = len(group) // 2
                await self._settle(group[:middle])
                await self._settle(group[middle:])
            return
        for write, future in group:
            if not future.done():  # cancelled: the client has left
                future.set_result(write.version)
