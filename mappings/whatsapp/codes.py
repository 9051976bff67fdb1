"""What the channel's error codes ask for. The care services' contract, section 2, and
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Do(Enum):
    """What is done about a message that failed."""

    AGAIN = "again"
    """The same again after a pause, as long as its request is alive."""
    AS_TEMPLATE = "as-template"
    """Once more, as a template: nobody wrote within the last 24 hours."""
    UNREACHABLE = "unreachable"
    """Not done; somebody telephones if it is about care or an authorization; no opt-out."""
    NOT_NOW = "not-now"
    """Not done, no other try for a day: the channel holds back what is not care."""
    STOPPED = "stopped"
    """Not done; the person has stopped such messages, which is a Consent."""
    TEMPLATE_OFF = "template-off"
    """The template cannot be used: another one, or a Task."""
    DEFECT = "defect"
    """Not done: what we sent is wrong; an alarm."""
    NUMBER_OFF = "number-off"
    """The number cannot send: operations are called, a spare one sends templates."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What is done, and after how many seconds each next try comes."""

    do: Do
    pauses: tuple[int, ...] = ()
    alarm: bool = False


AGAIN = Reaction(Do.AGAIN, (5, 30, 120, 600, 3600))
PAIR = Reaction(Do.AGAIN, (6, 24, 96))
"""Too much was sent to one person."""
_DEFECT = Reaction(Do.DEFECT, alarm=True)
_NUMBER_OFF = Reaction(Do.NUMBER_OFF, alarm=True)
_TEMPLATE_OFF = Reaction(Do.TEMPLATE_OFF, alarm=True)

REACTIONS: dict[int, Reaction] = {
    **dict.fromkeys((1, 2, 4, 80007, 130429, 131000, 131016, 131057), AGAIN),
    131056: PAIR,
    131047: Reaction(Do.AS_TEMPLATE),
    **dict.fromkeys((131026, 131030), Reaction(Do.UNREACHABLE)),
    **dict.fromkeys((131049, 130472), Reaction(Do.NOT_NOW, (86_400,))),
    131050: Reaction(Do.STOPPED),
    **dict.fromkeys((100, 131008, 131009, 131021, 131051, 131062), _DEFECT),
    **dict.fromkeys(
        (0, 3, 10, 190, *range(200, 300), 368, 131031, 131042, 131045, 131048, 130497), _NUMBER_OFF
    ),
}  # fmt: skip


def reaction(code: int | None, status: int) -> Reaction:
    """What is done about a failure. code: the channel's, None where it gave none; status: HTTP's, 0: no answer.

    A code that nobody knows is a defect that people look at, unless the channel itself was in trouble.
    """
    if code in REACTIONS:
        return REACTIONS[code]
    if code is not None and 132_000 <= code < 133_000:
        return _TEMPLATE_OFF
    return AGAIN if status == 0 or status >= 500 or status == 429 else _DEFECT
