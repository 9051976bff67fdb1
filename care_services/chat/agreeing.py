"""A yes or a no to notices, and to a model's help. Pure. The care services' contract, section 9.

A no is one word, at once. A yes is a button, or the exact words, to a text that names operator, purposes, channel and
how to stop; whoever writes the words without having seen that text is shown it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from care_services.chat import points, wording
from care_services.chat.conversation import Choice, Say
from care_services.chat.keywords import Keyword
from care_services.chat.known import CONSENTED, Look
from care_services.chat.talk import Talk
from care_services.consent import NOTICES
from care_services.healthpoints import PURPOSE

FLOW, OFFER = "notices", "notices_offer"
WORDS: Mapping[Keyword, str] = {
    Keyword.REMINDERS: "reminders", Keyword.WELLNESS: "wellness", Keyword.POINTS: "healthpoints",
}  # fmt: skip
"""Word -> purpose that it says yes to."""
_NAMES = {"reminders": "lembretes", "wellness": "avisos de bem-estar", "healthpoints": "novidades dos seus pontos"}


def stop(talk: Talk) -> None:
    """No notices any more."""
    say(talk, NOTICES, granted=False)
    talk.say("M-16")


def offer(talk: Talk, name: str = OFFER, purposes: Sequence[tuple[str, str]] = wording.NOTICES) -> None:
    """What may be received, each with its button; the question that is open stays so. name: of the text."""
    shown = wording.options(talk.rules, FLOW, FLOW, purposes, talk.now.turn)
    talk.says.append(Say(name, wording.text(talk.rules, name), shown))


def wanted(talk: Talk, purpose: str) -> None:
    """The exact words of a yes."""
    if talk.now.said.get(OFFER) or (purpose == PURPOSE and talk.now.said.get(points.JOIN)):
        tapped(talk, purpose)
    else:
        offer(talk)


def tapped(talk: Talk, purpose: str) -> None:
    """A yes to one purpose."""
    if purpose not in NOTICES:
        offer(talk)
        return
    say(talk, (purpose,), granted=True)
    if purpose == PURPOSE:
        points.joined(talk)
    talk.say("notices_on", purpose=_NAMES[purpose])


def say(talk: Talk, purposes: Sequence[str], *, granted: bool) -> None:
    """What is said of purposes, in addition to what was said before. Raises Look."""
    before = talk.message.found.consented
    if before is None:
        raise Look(CONSENTED, talk.now.proof.proved)
    talk.do(Choice(tuple(purposes), granted, before))
