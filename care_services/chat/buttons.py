"""Ids of buttons: `flow:version:item:answer:turn`, so that a tap on an old question is known as one. Pure.

The care services' contract, section 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
MOST_TURNS = 1_000_000


@dataclass(frozen=True, slots=True)
class Button:
    """A button as it was shown."""

    flow: str
    version: str
    """Of the texts or rules that showed it."""
    item: str
    """What was asked."""
    answer: str
    turn: int
    """The turn of the conversation in which it was shown."""

    def __post_init__(self) -> None:
        parts = (self.flow, self.version, self.item, self.answer)
        if not all(_PART.fullmatch(part) for part in parts) or not 0 <= self.turn < MOST_TURNS:
            raise ValueError("a part of a button's id is empty, too long, or has other characters than a-z 0-9 . -")

    @property
    def id(self) -> str:
        """Its id on the channel."""
        return f"{self.flow}:{self.version}:{self.item}:{self.answer}:{self.turn}"

    def stale(self, turn: int) -> bool:
        """Whether a later question was asked since."""
        return self.turn < turn


def parse(id: str) -> Button | None:
    """The button of an id; None: it is none of ours."""
    parts = id.split(":")
    if len(parts) != 5 or not re.fullmatch(r"0|[1-9][0-9]{0,5}", parts[4]):
        return None
    try:
        return Button(parts[0], parts[1], parts[2], parts[3], int(parts[4]))
    except ValueError:
        return None
