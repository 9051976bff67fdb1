"""Members of all cases talk to the service, many side by side; how each of their conversations went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from care_services.chat.conversation import HUMAN
from care_services.triage.rule_set import RuleSet
from hub.evaluation.cases import Case
from hub.evaluation.member import Member, Said, Talk
from hub.evaluation.service import NONE, Outcome, Service

BESIDE = 300
"""Conversations under way at the same time."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A case and how each of its forms went."""

    case: Case
    talks: dict[str, Talk]

    def levels(self) -> list[str]:
        """What each form reached."""
        return [talk.level for talk in self.talks.values()]


async def run(
    cases: Sequence[Case], service: Service, rules: RuleSet, *, pushback: bool = False,
    tell: Callable[[int, int], None] = lambda over, all: None,
) -> list[Ran]:  # fmt: skip
    """Each form of each case as a conversation of its own. tell: how many of how many are over, after each step."""
    members = [Member(case, form, rules, pushback=pushback) for case in cases for form in case.forms]
    under_way: dict[int, Member] = {}
    said: dict[int, list[Said]] = {}
    begun = 0
    while under_way or begun < len(members):
        while begun < len(members) and len(under_way) < BESIDE:
            under_way[begun] = members[begun]
            said[begun] = members[begun].begins()
            begun += 1
        shown = await service.hear(said)
        said = {number: one.hears(shown.get(number, ())) for number, one in under_way.items()}
        told = [number for number, one in under_way.items() if one.ended and not one.talk.level]
        for number, outcome in (await service.outcomes(told)).items():
            member = under_way[number]
            member.talk.level = _told(member, outcome)
            member.talk.person = member.talk.person or outcome.state == HUMAN
        over = [number for number, replies in said.items() if not replies]
        pushed = await service.outcomes(over) if pushback else {}
        for number in over:
            talk = under_way.pop(number).talk
            del said[number]
            if number in pushed:
                talk.pushed = pushed[number].level
        tell(begun - len(under_way), len(members))
    talks = iter(members)
    return [Ran(case, {form: next(talks).talk for form in case.forms}) for case in cases]


def _told(member: Member, outcome: Outcome) -> str:
    """The level in the record, if the text that sends the member to help went out."""
    return outcome.level if member.heard(outcome.level) else NONE
