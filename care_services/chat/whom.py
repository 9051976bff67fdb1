"""Whom an episode is about, where a member who proved who they are speaks of somebody else; and what the record knows.

Pure. The care services' contract, sections 2 and 5: dependants by RelatedPerson; what is recorded raises a level, and
lowers none.
"""

from __future__ import annotations

from dataclasses import replace

from care_services.chat import wording
from care_services.chat.keywords import plain
from care_services.chat.known import DEPENDANTS, RECORDED, Dependant, Look
from care_services.chat.talk import Talk
from care_services.triage.state import Known, State

WHOM, MOST = "whom", 9
"""Name of the text that asks it; rows of a list, but for one."""
OTHERS = ("child", "other")
SOMEBODY = ("none", "Outra pessoa")


def asks(talk: Talk) -> bool:
    """Whether it is asked now, in the place of the interview's question, which comes after. Raises Look."""
    if talk.now.proof.proved is None or talk.now.whom is not None or talk.now.interview.about not in OTHERS:
        return False
    there = [(str(number), one.name[:20]) for number, one in enumerate(_dependants(talk))]
    if not there:
        talk.change(whom="")
        return False
    talk.offer(WHOM, "whom", (*there, SOMEBODY))
    return True


def asked(talk: Talk) -> bool:
    """Whether it was the question before the message."""
    return talk.now.question is not None and talk.now.question.name == WHOM and talk.now.whom is None


def named(talk: Talk) -> None:
    """Somebody is named in words. Raises Look."""
    said = plain(talk.message.text).split()
    talk.change(whom=next((one.reference for one in _dependants(talk) if plain(one.name) in said), ""))


def chosen(talk: Talk, answer: str) -> None:
    """Somebody was tapped, by their number: the interview goes on. Raises Look."""
    there = _dependants(talk)
    known = answer.isdecimal() and int(answer) < len(there)
    talk.change(whom=there[int(answer)].reference if known else "")
    question(talk)


def question(talk: Talk) -> None:
    """The interview's question that is open."""
    pending = talk.now.interview.pending
    if pending is not None:
        talk.put(wording.question(talk.rules, pending, talk.now.turn + 1))


def joined(talk: Talk) -> State:
    """What is known in the episode, with what the record knows of whom it is about. Raises Look."""
    now, state = talk.now, talk.now.interview
    whose = now.whom if state.about in OTHERS else now.proof.proved
    if now.proof.proved is None or state.about is None or not whose or now.joined == whose:
        return state
    recorded = talk.message.found.recorded
    if recorded is None:
        raise Look(RECORDED, whose)
    findings = dict(state.findings)
    for code, words in recorded:
        known = findings.get(code)
        if known is None or not known.present:
            findings[code] = Known(True, "recorded", words)
    talk.change(joined=whose)
    return replace(state, findings=findings)


def _dependants(talk: Talk) -> tuple[Dependant, ...]:
    found = talk.message.found.dependants
    if found is None:
        raise Look(DEPENDANTS, talk.now.proof.proved)
    return found[:MOST]
