"""Connections that hold something and bring nothing: closed, so that dawdling clients cannot use up the hub.

A head must be complete in time; a body must keep coming, and an answer keep being read, at some pace. Connections are
looked at every few seconds, so that requests pay nothing for it. Idle ones are closed likewise.
https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
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

    REST = "send another request"
    HEAD = "send the rest of a head"
    BODY = "send the rest of a body"
    TAKE = "take the rest of an answer"


def waits(connection: OneWriteProtocol) -> Waits | None:
    """What the client has to do next, None where nothing has begun or the hub itself is at work."""
    if connection.unsent():
        return Waits.TAKE
    cycle = connection.cycle
    if cycle is None or cycle.response_complete:
        return Waits.REST if connection.rests else Waits.HEAD
    return Waits.BODY if cycle.more_body else None


class SlowClients:
    """Remembers since when connections wait for what."""

    def __init__(self) -> None:
        self._seen: dict[OneWriteProtocol, tuple[Waits, int, float, int]] = {}
        """What for, in which request, since when, and what had moved until then."""

    def look(self, connections: Iterable[object], now: float) -> None:
        """Closes those that took too long; what is no HTTP connection is left alone.

        now: seconds of any clock that does not jump.
        """
        seen = {}
        for connection in connections:
            if not isinstance(connection, OneWriteProtocol) or (waiting := waits(connection)) is None:
                continue
            moved = _moved(connection, waiting)
            fresh = (waiting, id(connection.cycle), now, moved)
            before = self._seen.get(connection, fresh)
            if before[:2] != fresh[:2] or (waiting is Waits.REST and before[3] != moved):
                before = fresh
            _, _, since, until_then = before
            if now - since < _seconds(connection, waiting):
                seen[connection] = before
            elif waiting in (Waits.BODY, Waits.TAKE) and moved - until_then >= PACE_BYTES:
                seen[connection] = fresh
            elif waiting is Waits.TAKE:
                connection.transport.abort()  # what it does not take cannot be sent before closing either
            elif waiting is Waits.REST:
                connection.transport.close()
            else:
                connection.transport.write(_LATE)
                connection.transport.close()
        self._seen = seen


def _moved(connection: OneWriteProtocol, waiting: Waits) -> int:
    """What grows while the client does what is waited for."""
    if waiting is Waits.REST:
        return connection.answered
    return connection.taken() if waiting is Waits.TAKE else connection.received


def _seconds(connection: OneWriteProtocol, waiting: Waits) -> float:
    """How long it is waited for."""
    if waiting is Waits.REST:
        return connection.timeout_keep_alive
    return HEAD_SECONDS if waiting is Waits.HEAD else PACE_SECONDS
