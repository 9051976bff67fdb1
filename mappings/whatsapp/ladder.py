"""How far a message of ours has come: only upward, whatever the order in which statuses arrive. Pure.

The care services' contract, section 2: `failed` counts only where nothing above `accepted` is known, and `read` says
that it was delivered.
"""

from __future__ import annotations

from collections.abc import Iterable

RUNGS = ("accepted", "sent", "delivered", "read")
FAILED = "failed"
ALIAS = {"played": "read"}
"""A voice message that was listened to."""


def higher(now: str, told: str) -> str:
    """The state after a status was told. Raises ValueError for a state that is none."""
    told = ALIAS.get(told, told)
    if told == FAILED:
        return FAILED if now in (RUNGS[0], FAILED) else now
    rung = RUNGS.index(told)
    if now == FAILED:
        # It was thought lost and has arrived after all; accepted says nothing new.
        return told if rung else FAILED
    return RUNGS[max(RUNGS.index(now), rung)]


def state(told: Iterable[str]) -> str:
    """The state after several, in whatever order: that of an accepted message after all of them."""
    now = RUNGS[0]
    for one in told:
        now = higher(now, one)
    return now


def known(status: str) -> bool:
    """Whether it is a state at all."""
    return ALIAS.get(status, status) in (*RUNGS, FAILED)
