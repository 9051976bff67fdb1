"""What happens when nobody answers: a reminder, a nurse, an end; never a silent restart. Pure.

The care services' contract, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Then(Enum):
    """What a silence brings."""

    REMIND = "remind"
    NURSE = "nurse"
    """A Task with the findings so far, urgent at least."""
    END = "end"
    """The flow ends, and says so."""
    RETURN = "return"
    """The conversation comes back from a person."""


@dataclass(frozen=True, slots=True)
class Step:
    """After so long without a word, this."""

    after: timedelta
    then: Then


CLINICAL, ADMINISTRATIVE = ("safety", "interview"), ("proving", "authorization", "appointment", "medication", "general")
STEPS: dict[str, tuple[Step, ...]] = {
    **dict.fromkeys(CLINICAL, (Step(timedelta(minutes=5), Then.REMIND), Step(timedelta(minutes=15), Then.NURSE))),
    **dict.fromkeys(ADMINISTRATIVE, (Step(timedelta(minutes=30), Then.END),)),
    "human": (Step(timedelta(minutes=30), Then.RETURN),),
}
"""State -> what its silences bring, in order. `human` counts from the person's closing words. States that are not
here wait without end: in an emergency nobody is waited for, people call."""


def due(state: str, silent: timedelta, done: int) -> Step | None:
    """The step that is due. silent: since the last word; done: steps carried out in this silence."""
    steps = STEPS.get(state, ())[done:]
    return steps[0] if steps and silent >= steps[0].after else None
