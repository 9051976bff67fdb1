"""How much one process takes on at once. What is too much is refused at once: a line that grows helps nobody."""

from __future__ import annotations

from types import TracebackType


class Busy(Exception):
    """As much is under way as is answered in good time."""


class Admission:
    """Counts the requests under way and the bytes of their bodies."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests, self.max_bytes = max_requests, max_bytes
        self.requests = self.bytes = 0

    def place(self, size: int) -> Place:
        """A place for a request with a body of `size` bytes."""
        return Place(self, size)


class Place:
    """Held, as a context, from a request's head to its answer. While its body comes it counts by its bytes alone, so
    that clients who send slowly keep nobody out; from `begin` on it counts as under way."""

    __slots__ = ("_admission", "_begun", "_size")

    def __init__(self, admission: Admission, size: int) -> None:
        self._admission, self._size, self._begun = admission, size, False

    def __enter__(self) -> Place:
        """Raises Busy where the request could not begin now; a lone request is never refused."""
        admission = self._admission
        if admission.requests >= admission.max_requests or (
            admission.bytes and admission.bytes + self._size > admission.max_bytes
        ):
            raise Busy
        admission.bytes += self._size
        return self

    def begin(self) -> None:
        """The body is there. Raises Busy: others may have begun meanwhile."""
        admission = self._admission
        if admission.requests >= admission.max_requests:
            raise Busy
        admission.requests += 1
        self._begun = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.bytes -= self._size
        self._admission.requests -= self._begun
