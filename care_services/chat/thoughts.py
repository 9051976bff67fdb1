"""When a member's messages have their turn, and which of them are one thought. Pure.

The care services' contract, section 2: the second half of a thought is waited for; what is urgent and what is tapped
is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from care_services.chat.conversation import Inbound
from care_services.chat.keywords import keyword
from care_services.triage.scanner import LONGEST

SECOND_HALF, MOST = 2, 6
"""Seconds after a text, and after the first of a thought."""


def due(first: float, last: float) -> float:
    """When texts that came between these moments have their turn."""
    return min(last + SECOND_HALF, first + MOST)


def whole(message: Inbound) -> bool:
    """Whether it is no half of a thought: a tap, a word with a meaning of its own, what has no words."""
    return message.kind != "text" or message.tapped is not None or not message.text or keyword(message.text) is not None


def thoughts(messages: Iterable[Inbound]) -> list[Inbound]:
    """Messages, in their order, with the texts of a thought as one: a line each, named by the last."""
    found: list[Inbound] = []
    first = 0
    for one in messages:
        before = found[-1] if found else None
        if (
            before is None
            or whole(before)
            or whole(one)
            or one.at > due(first, before.at)
            or len(before.text) + len(one.text) >= LONGEST
        ):
            found.append(one)
            first = one.at
        else:
            found[-1] = replace(one, text=f"{before.text}\n{one.text}", earlier=(*before.earlier, before.id))
    return found
