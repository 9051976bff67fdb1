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
        self._waiting: dict[Key, list[asyncio.Future[Value | None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: Key) -> Value | None:
        """The value of a key, None if there is none. Raises what the fetch raised."""
        future: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        readers = self._waiting.get(key)
        if readers is not None:
            readers.append(future)
        else:
            self._waiting[key] = [future]
            if len(self._tasks) < self._slots:
                task = asyncio.create_task(self._work())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return await future  # each reader has a future of its own: one that leaves does not end the others' wait

    async def _work(self) -> None:
        while self._waiting:
            batch = dict(list(self._waiting.items())[: self._limit])
            for key in batch:
                del self._waiting[key]
            try:
                found = await self._fetch(list(batch))
            except Exception as error:  # noqa: BLE001 - handed to everybody who waits for it
                for readers in batch.values():
                    for future in readers:
                        if not future.done():
                            future.set_exception(error)
                continue
            for key, readers in batch.items():
                value = found.get(key)
                for future in readers:
                    if not future.done():  # cancelled: the reader has left
                        future.set_result(value)
        # Here, not only when the loop gets to the callbacks: what is loaded before that would be left waiting.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
