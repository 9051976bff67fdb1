"""What a client was sent and has not read yet: a ping follows each message, and its pong says how far the client is.

Until a client is through with what is under way it gets nothing more, so it may be as slow as it likes within its time,
and costs no memory. https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a ping follows."""

    number: int
    rid: int
    event: int
    size: int
    at: float


class Unread:
    """Of one websocket."""

    def __init__(self, messages: int, size: int) -> None:
        """How many messages, and bytes of them, may be under way; one message may be longer."""
        self._messages, self._size = messages, size
        self._under_way: deque[_Sent] = deque()
        self._read: dict[int, int] = {}
        self._number = 0

    def sent(self, rid: int, event: int, size: int, at: float) -> int:
        """Something was, `event` its last one (0: it has none); the number that the ping after it carries."""
        self._number += 1
        self._under_way.append(_Sent(self._number, rid, event, size, at))
        return self._number

    def acknowledged(self, number: int) -> None:
        """The client has read what came before the ping of this number."""
        while self._under_way and self._under_way[0].number <= number:
            one = self._under_way.popleft()
            if one.event:
                self._read[one.rid] = one.event

    def read(self) -> dict[int, int]:
        """The last event of each Subscription that was read since this was asked."""
        read, self._read = self._read, {}
        return read

    @property
    def full(self) -> bool:
        """Whether nothing more may be sent now."""
        return len(self._under_way) >= self._messages or sum(one.size for one in self._under_way) >= self._size

    @property
    def oldest(self) -> float | None:
        """When the oldest of what is under way was sent; None: nothing is."""
        return self._under_way[0].at if self._under_way else None
