"""Connections that hold something and bring nothing: closed, so that dawdling clients cannot use up the hub.

A head must be complete in time; a body must keep coming, and an answer keep being read, at some pace. Connections are
looked at every few seconds, so that requests pay nothing for it. https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from hub.one_write import OneWriteProtocol

EVERY = 5.0
"""Seconds between looks."""
HEAD_SECONDS = 20.0
"""For the whole head of a request."""
PACE_SECONDS, PACE_BYTES = 20.0, 16 * 2**10
"""So many bytes of a body must come, and of an answer be taken, in so many seconds."""

_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Waits(Enum):
    """What a connection waits for its client to do."""

    HEAD = "send the rest of a head"
    BODY = "send the rest of a body"
    TAKE = "take the rest of an answer"


def waits(connection: OneWriteProtocol) -> Waits | None:
    """What the client has to do next, None where nothing has begun or the hub itself is at work."""
    if connection.unsent():
        return Waits.TAKE
    cycle = connection.cycle
    if cycle is None or cycle.response_complete:
        # Between requests uvicorn's own timer runs.
        return None if connection.timeout_keep_alive_task is not None else Waits.HEAD
    return Waits.BODY if cycle.more_body else None


class SlowClients:
    """Remembers since when connections wait for what."""

    def __init__(self) -> None:
        self._seen: dict[OneWriteProtocol, tuple[Waits, int, float, int]] = {}
        """What for, in which request, since when, and the bytes moved until then."""

    def look(self, connections: Iterable[object], now: float) -> None:
        """Closes those that took too long; what is no HTTP connection is left alone.

        now: seconds of any clock that does not jump.
        """
        seen = {}
        for connection in connections:
            if not isinstance(connection, OneWriteProtocol) or (waiting := waits(connection)) is None:
                continue
            moved = connection.taken() if waiting is Waits.TAKE else connection.received
            fresh = (waiting, id(connection.cycle), now, moved)
            before = self._seen.get(connection, fresh)
            if before[:2] != fresh[:2]:
                before = fresh
            _, _, since, until_then = before
            if now - since < (HEAD_SECONDS if waiting is Waits.HEAD else PACE_SECONDS):
                seen[connection] = before
            elif waiting is not Waits.HEAD and moved - until_then >= PACE_BYTES:
                seen[connection] = fresh
            elif waiting is Waits.TAKE:
                connection.transport.abort()  # what it does not take cannot be sent before closing either
            else:
                connection.transport.write(_LATE)
                connection.transport.close()
        self._seen = seen
