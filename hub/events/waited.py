"""Coroutines for services by event, which are called in threads: an event loop of its own, from the first one on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from fhir_server.events.delivery import Later

T = TypeVar("T")
SECONDS = 30.0


class Waited:
    """One loop, in a thread of its own, for as long as the process is there."""

    def __init__(self, name: str) -> None:
        self._name, self._starting = name, threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        """What it gives. Raises what it raises, and Later where it takes too long: it is ended then."""
        with self._starting:
            if self._loop is None:
                self._loop = uvloop.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True).start()
        under_way = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return under_way.result(SECONDS)
        except TimeoutError:
            under_way.cancel()
            raise Later("it takes too long") from None
