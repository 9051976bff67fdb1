"""Messages for callers in an event loop: each piece of work on a connection of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg

from messages.bodies import Sealing

T = TypeVar("T")
Rows = psycopg.Connection[Any]


class Ledger:
    """To be closed."""

    def __init__(self, url: str, sealing: Sealing, threads: int = 4) -> None:
        """url: of the database. sealing: of the bodies."""
        self.sealing = sealing
        self._url, self._local = url, threading.local()
        self._opened: list[Rows] = []
        self._threads = ThreadPoolExecutor(threads, "messages")

    async def __call__(self, work: Callable[[Rows], T]) -> T:
        """What the work gives, on a connection in autocommit. Raises what it raises, psycopg.OperationalError too."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    def _run(self, work: Callable[[Rows], T]) -> T:
        connection: Rows | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = psycopg.connect(self._url, autocommit=True, application_name="hub-messages")
            self._local.connection = connection
            self._opened.append(connection)
        return work(connection)

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown()
        for connection in self._opened:
            connection.close()


def now() -> datetime:
    """With zone."""
    return datetime.now(UTC)
