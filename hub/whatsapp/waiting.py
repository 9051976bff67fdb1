"""Messages that wait for their turn, of each conversation those that one turn may take. Pure but for the clock.

The care services' contract, section 2: by the channel's time and then their order; what is urgent waits for nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from care_services.chat.thoughts import due, whole
from hub.whatsapp.conversing import inbound, seconds
from hub.whatsapp.hearing import SPOKEN
from messages.unanswered import Unanswered

Json = Any

TOGETHER = 50
"""Messages of a conversation that are taken at a time: fewer than it remembers."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that waits for its turn."""

    noted: Unanswered
    message: Json
    at: int
    """By the channel's clock."""
    received: float
    at_once: bool
    """It is urgent, or no half of a thought."""
    spoken: bool = False
    """Nobody has written it down yet."""

    @property
    def urgent(self) -> bool:
        """Whether it may tell of an emergency."""
        return bool(self.message.get("priority") == "stat")


@dataclass(slots=True)
class Line:
    """What waits of one conversation."""

    waiting: list[Heard] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def next(self) -> list[Heard]:
        """What is taken next, in its order."""
        return sorted(self.waiting, key=lambda one: (one.at, one.noted.sequence))[:TOGETHER]

    def due(self) -> float:
        """When their turn is; 0: at once."""
        if any(one.at_once for one in self.waiting):
            return 0.0
        received = [one.received for one in self.waiting]
        return due(min(received), max(received))

    @property
    def urgent(self) -> bool:
        """Whether an emergency may wait."""
        return any(one.urgent for one in self.waiting)

    async def urgent_news(self) -> None:
        """Returns once one does."""
        while not self.urgent:
            await self.news.wait()
            self.news.clear()


def heard(noted: Unanswered, message: Json) -> Heard:
    """A message as it waits."""
    said = inbound(message)
    at_once = message.get("priority") == "stat" or whole(said)
    return Heard(noted, message, said.at, seconds(message["received"]), at_once, said.kind in SPOKEN and not said.text)
