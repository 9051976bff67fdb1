"""How much one process takes on at once. What is too much is refused at once: a line that grows helps nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Busy(Exception):
    """As much is under way as is answered in good time."""


class Admission:
    """Counts the requests under way and the bytes of their bodies."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._max_requests, self._max_bytes = max_requests, max_bytes
        self._requests = self._bytes = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Holds a place for a request with a body of `size` bytes. Raises Busy; a lone request is never refused."""
        if self._requests and (self._requests >= self._max_requests or self._bytes + size > self._max_bytes):
            raise Busy
        self._requests += 1
        self._bytes += size
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= size
