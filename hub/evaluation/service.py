"""The service that members of cases talk to: the whole one (`whole.py`), or its engine alone (`engine_alone.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.evaluation.member import Said, Shown

NONE = "none"
"""Where no level was reached and no administrative flow entered: nobody was told anything."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the record holds of a conversation."""

    level: str
    """The highest that was reached; administrative where there is none and people were called for a wish; none."""
    state: str
    """Of the conversation."""


class Service(Protocol):
    """Many conversations side by side, each known by a number of its own."""

    async def hear(self, said: Mapping[int, Sequence[Said]]) -> Mapping[int, Sequence[Shown]]:
        """Takes what members sent, and makes all turns that are due then: what each telephone shows after that."""

    async def outcomes(self, talks: Sequence[int]) -> Mapping[int, Outcome]:
        """How these conversations stand."""
