"""Reads that wait at the same moment share one query; a lone read goes at once.

Whatever keys are waiting when a slot is free are asked for together: no delay when idle, large batches under load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar, cast

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Loader(Generic[Key, Value]):
    """Collects keys and fetches them in batches, `slots` of them at a time."""

    def __init__(
        self, fetch: Callable[[Sequence[Key]], Awaitable[dict[Key, Value]]], *, slots: int = 2, limit: int = 200
    ) -> None:
        """fetch: keys -> found values by key; limit: keys per batch."""
        self._fetch, self._slots, self._limit = fetch, slots, limit
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: Key) -> Value | None:
        """The value of a key, None if there is none. Raises what the fetch raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if len(self._tasks) < self._slots:
                task = asyncio.create_task(self._work())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(future)  # one reader leaving must not end the others' wait

    async def _work(self) -> None:
        while self._waiting:
            batch = dict(list(self._waiting.items())[: self._limit])
            for key in batch:
                del self._waiting[key]
            try:
                found = await self._fetch(list(batch))
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                for future in batch.values():
                    future.set_exception(error)
                    future.exception()  # marks it as seen, should all readers have left
                continue
            for key, future in batch.items():
                future.set_result(found.get(key))
        # Here, not only when the loop gets to the callbacks: what is loaded before that would be left waiting.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
