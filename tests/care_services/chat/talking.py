"""A member who talks to the engine: what is written or tapped, what came of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from care_services.chat.conversation import Concluded, Conversation, Desk, Inbound, Say, Turn
from care_services.chat.engine import turn
from care_services.chat.known import NOTHING, Found, Where
from care_services.triage.rule_set import rules

NOON = 1_790_000_000


@dataclass
class Member:
    now: Conversation = field(default_factory=Conversation)
    turns: list[Turn] = field(default_factory=list)
    clock: int = NOON
    found: Found = NOTHING
    """What the record knows."""
    ids: itertools.count[int] = field(default_factory=itertools.count)

    def hears(self, message: Inbound) -> Turn:
        came = turn(self.now, replace(message, found=self.found), rules(), f"P-{message.id}")
        self.now = came.conversation
        self.turns.append(came)
        return came

    def message(self, text: str = "", kind: str = "text", tapped: str | None = None, late: int = 0) -> Inbound:
        self.clock += 10
        return Inbound(f"wamid.{next(self.ids)}", kind, self.clock - late, self.clock, text, tapped)

    def writes(self, text: str, late: int = 0) -> Turn:
        return self.hears(self.message(text, late=late))

    def sends(self, kind: str) -> Turn:
        return self.hears(self.message(kind=kind))

    def shares(self, latitude: float, longitude: float, said: str = "") -> Turn:
        """A place."""
        return self.hears(replace(self.message(kind="location"), where=Where((latitude, longitude), said=said)))

    def taps(self, title: str, at: int = -1) -> Turn:
        """Of the latest question, or an earlier one."""
        asked = [say for one in self.turns for say in one.says if say.options]
        option = next(one for one in asked[at].options if one.title == title)
        return self.hears(self.message(title, "interactive", option.id))

    @property
    def says(self) -> list[Say]:
        return list(self.turns[-1].says)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.says]

    @property
    def desks(self) -> list[tuple[str, str]]:
        return [(one.code, one.priority) for one in self.turns[-1].effects if isinstance(one, Desk)]

    @property
    def levels(self) -> list[str]:
        return [one.level for one in self.turns[-1].effects if isinstance(one, Concluded)]
