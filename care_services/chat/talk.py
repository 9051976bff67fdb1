"""A turn while it is made: what is said and done so far, and what every turn holds to at its end.

No text is sent a third time in a talk: whoever would hear it again talks to a person instead. The care services'
contract, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from care_services.chat import wording
from care_services.chat.conversation import (
    ASKING,
    CONCLUDED,
    EMERGENCY,
    HUMAN,
    OPEN,
    Concluded,
    Conversation,
    Desk,
    Effect,
    Inbound,
    Say,
    Turn,
)
from care_services.chat.distress import sooner
from care_services.triage.levels import highest
from care_services.triage.rule_set import RuleSet

MOST = 2
"""Times a text is sent in a talk."""
COURTESY = frozenset(
    {"thanks", "M-05", "M-06", "M-13", "M-16", "notices_offer", "notices_on", "no_model", "model_again", "model_notice",
     "emergency_called", "emergency_again", "emergency_still", "emergency_alone", "late_emergency", "notice", "kept",
     "points_join", "points_later", "where", "where_emergency", "where_suicide", "nearest",
     "nearest_emergency", "nearest_none", "nearest_none_emergency"}
)  # fmt: skip
"""Texts that may be left out the third time, and nobody is called for it, where anything else is said or done."""
ENOUGH = frozenset({"thanks", "no_model"})
"""Those of them after which nothing need be said at all."""
NURSE = Desk("nurse-callback", "urgent", 60, "wants a person")
SERVICE = Desk("service-desk", "routine", 60, "wants a person")


class Talk:
    """The conversation as it is now, in the midst of one turn."""

    def __init__(self, conversation: Conversation, message: Inbound, rules: RuleSet, protocol: str) -> None:
        """protocol: a number for a request that begins now."""
        self.now, self.message, self.rules = conversation, message, rules
        self.protocol = conversation.protocol or protocol
        self.says: list[Say] = []
        self.effects: list[Effect] = []

    def change(self, **fields: Any) -> None:
        """The conversation with other values."""
        self.now = replace(self.now, **fields)

    def do(self, *effects: Effect) -> None:
        """What is done besides."""
        self.effects += effects

    def say(self, name: str, **slots: str) -> None:
        """A text without a question."""
        self.says.append(Say(name, wording.text(self.rules, name, **slots)))

    def offer(self, name: str, flow: str, answers: Sequence[tuple[str, str]], item: str = "", **slots: str) -> None:
        """A text with what can be tapped: the question of this turn."""
        shown = wording.options(self.rules, flow, item or flow, answers, self.now.turn + 1)
        self.put(Say(name, wording.text(self.rules, name, **slots), shown))

    def ask(self, name: str, **slots: str) -> None:
        """A text that asks for words."""
        self.put(Say(name, wording.text(self.rules, name, **slots)))

    def put(self, asked: Say) -> None:
        """The question of this turn: answers to earlier ones are stale from now on."""
        self.says.append(asked)
        self.change(turn=self.now.turn + 1, question=asked)

    def again(self, before: str = "") -> None:
        """The question that is open, once more, after a text."""
        asked = self.now.question
        if asked is None:
            if before:
                self.say(before)
            return
        turn = self.now.turn + 1
        shown = tuple(replace(one, id=f"{one.id.rpartition(':')[0]}:{turn}") for one in asked.options)
        text = f"{wording.text(self.rules, before)}\n\n{asked.text}" if before else asked.text
        self.says.append(replace(asked, text=text, options=shown))
        self.change(turn=turn, question=replace(asked, options=shown))

    def person(self, desk: Desk, *, told: bool = True) -> None:
        """A person takes over. told: and the member hears that. An interview that breaks off is urgent at least."""
        if self.now.state in ASKING:
            desk = self.unfinished(desk)
        elif self.now.state == CONCLUDED and desk.code == SERVICE.code:
            desk = replace(desk, code=NURSE.code)
        self.do(sooner(desk, self.message.text, self.rules))
        if self.now.state != EMERGENCY:
            self.change(state=HUMAN, question=None, misunderstood=0)
        if told:
            self.say("M-13", minutes=str(desk.minutes), protocol=self.protocol)
        self.change(protocol=self.protocol)

    def unfinished(self, desk: Desk) -> Desk:
        """An interview breaks off: what it found so far is a level, urgent at least, and a nurse's; whom to call."""
        state = self.now.interview
        level = highest(state.level, "urgent")
        ruled = highest(state.ruled, "urgent")
        self.change(interview=replace(state, level=level, ruled=ruled, pending=None, outcome="person"))
        self.change(told=level, told_at=self.message.at)
        self.do(Concluded(level, state.fired, state.known(), state.model()))
        return replace(NURSE, reason=desk.reason)

    def open(self) -> None:
        """No flow is under way."""
        self.change(state=OPEN, misunderstood=0)

    def ended(self) -> Turn:
        """The turn as it is carried out."""
        said = dict(self.now.said)
        says, dropped = _counted(self.says, said)
        unanswered = not says and not self.effects and dropped - ENOUGH
        if (dropped - COURTESY or unanswered) and self.now.state not in (HUMAN, EMERGENCY):
            self.says = []
            self.person(replace(SERVICE, reason="the same again and again"))
            more, _ = _counted(self.says, said)
            says += more
        self.change(said=said)
        return Turn(self.now, tuple(says), tuple(self.effects))


def _counted(says: Sequence[Say], said: dict[str, int]) -> tuple[list[Say], set[str]]:
    """Texts that may be sent, counted; and names of those that were sent often enough."""
    kept, dropped = [], set()
    for one in says:
        if said.get(one.name, 0) >= MOST:
            dropped.add(one.name)
            continue
        said[one.name] = said.get(one.name, 0) + 1
        kept.append(one)
    return kept, dropped
