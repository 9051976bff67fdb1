"""The conversation engine in memory, without channel and record: for whoever writes rules and wants an answer in
seconds. What counts is `whole.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from care_services.chat.alarm import alarming
from care_services.chat.conversation import ADMINISTRATIVE as FLOWS
from care_services.chat.conversation import Concluded, Conversation, Desk, Inbound
from care_services.chat.engine import turn
from care_services.chat.known import NOTHING
from care_services.chat.thoughts import thoughts
from care_services.triage.rule_set import RuleSet
from hub.evaluation.member import Said, Shown, Tap
from hub.evaluation.service import NONE, Outcome
from hub.evaluation.spelled import ADMINISTRATIVE

PROTOCOL = "00000020260000000"
_START = 1_800_000_000
_SEE_TO = frozenset({"nurse-callback", "pharmacist", "service-desk", "data-subject-request"})
"""Desks that see to what no level is told of: a wish, a dose taken wrongly."""


class EngineAlone:
    """Conversations as values."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._talks: dict[int, Conversation] = defaultdict(Conversation)
        self._levels: dict[int, str] = {}
        self._wishes: set[int] = set()
        self._messages = 0

    async def hear(self, said: Mapping[int, Sequence[Said]]) -> Mapping[int, Sequence[Shown]]:
        return {number: self._turns(number, messages) for number, messages in said.items()}

    async def outcomes(self, talks: Sequence[int]) -> Mapping[int, Outcome]:
        return {one: self._outcome(one) for one in talks}

    def _turns(self, number: int, said: Sequence[Said]) -> list[Shown]:
        messages = [self._message(one) for one in said]
        at_once = [one for one in messages if one.text and alarming(one.text, self._rules)]
        return [shown for one in (*at_once, *thoughts(messages)) for shown in self._turn(number, one)]

    def _message(self, said: Said) -> Inbound:
        self._messages += 1
        text, tapped = (said.title, said.id) if isinstance(said, Tap) else (said, None)
        at = _START + self._messages
        kind = "interactive" if tapped else "text"
        return Inbound(str(self._messages), kind, at, at, text, tapped, found=NOTHING)

    def _turn(self, number: int, message: Inbound) -> list[Shown]:
        before = self._talks[number]
        if message.id in before.seen:
            return []
        made = turn(before, message, self._rules, PROTOCOL)
        self._talks[number] = made.conversation
        for effect in made.effects:
            if isinstance(effect, Concluded):
                self._levels[number] = effect.level
            elif isinstance(effect, Desk) and effect.code in _SEE_TO:
                self._wishes.add(number)
        if not made.says:
            return []
        choices = next((say.options for say in made.says if say.options), ())
        text = "\n\n".join(say.text for say in made.says)
        return [Shown(text, tuple(Tap(option.id, option.title) for option in choices))]

    def _outcome(self, number: int) -> Outcome:
        state = self._talks[number].state
        wish = number in self._wishes or state in FLOWS
        return Outcome(self._levels.get(number, ADMINISTRATIVE if wish else NONE), state)
