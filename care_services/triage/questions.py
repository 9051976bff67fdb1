"""What is asked next: about whom, age, pregnancy if it can be, safety screen, what is in doubt or denied, complaint,
onset, the complaint's red flags, severity, conditions (section 5, order of questions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from care_services.triage.assessment import complaint_of
from care_services.triage.doubt import everyday
from care_services.triage.rule_set import Complaint, RuleSet
from care_services.triage.state import Question, State

MOST_QUESTIONS = 8
"""Of a complaint, after the safety screen."""
MOST_QUESTIONS_MORE = 20
"""With those of the circumstances."""
MOST_QUESTIONS_LIGHT = 10
"""The same, where the story sounds mild or administrative."""
YOUNG_BABY = 5 / 12
"""Years from which nobody is taken for a baby under three months, however roughly the age was told."""


def asked_again(state: State, rules: RuleSet) -> Question | None:
    """The question that is still open, in words that say how to answer; None: what they said settled it."""
    pending = state.pending
    if pending is None or _settled(state, pending.id):
        return None
    return replace(pending, text=f"{rules.texts['ask_again']}\n\n{pending.text}")


def next_question(state: State, rules: RuleSet) -> Question | None:
    """The next question that has not been asked; None where all is asked."""
    texts, asked, present = rules.texts, set(state.asked), state.present()
    age = state.facts.get("age")
    if "about" not in asked and state.about is None:
        return Question("about", texts["M-02"], ("Sobre mim", "Sobre uma criança", "Outra pessoa"))
    if "age" not in asked:
        return Question("age", texts["age"])
    if "pregnancy" not in asked and state.sex != "M" and (age is None or 10 <= age <= 55) and "pregnant" not in present:
        return Question("pregnancy", texts["pregnancy"])
    if "screen" not in asked:
        rows = (*(row["title"] for row in rules.screen["rows"] if _can_be(row, state)), rules.screen["none"])
        return Question("screen", rules.screen["text"], rows)
    denied = [code for code in state.to_ask if code not in asked and not _settled(state, code)]
    if denied and len(asked) < MOST_QUESTIONS + 12:
        return Question(denied[0], rules.findings[denied[0]].ask)
    complaint = complaint_of(present, state.facts, rules)
    if complaint is None and "story" not in asked:
        return Question("story", texts["story"])
    return _of_complaint(state, complaint or _other(rules), rules)


def light(state: State, rules: RuleSet) -> bool:
    """Whether something in the story is mild or administrative, or all of it sounds everyday."""
    return not state.present().keys().isdisjoint(("mild_story", "administrative")) or everyday(state.story(), rules)


def _can_be(row: Mapping[str, Any], state: State) -> bool:
    """Whether a row of the screen is asked: neither pregnancy of a child, nor a young baby of an older one."""
    age = state.facts.get("age")
    return age is None or not (
        ("newborn" in row["findings"] and age >= YOUNG_BABY) or ("pregnant" in row["findings"] and age < 9)
    )


def _of_complaint(state: State, complaint: Complaint, rules: RuleSet) -> Question | None:
    asked = set(state.asked)
    if "onset" not in asked:
        return Question("onset", rules.texts["onset"])
    own = sum(code in rules.findings for code in asked)
    for code in complaint.ask[:MOST_QUESTIONS]:
        if own < MOST_QUESTIONS + len(state.to_ask) and code not in asked and not _settled(state, code):
            return Question(code, rules.findings[code].ask)
    if own < (MOST_QUESTIONS_LIGHT if light(state, rules) else MOST_QUESTIONS_MORE):
        for code in _pointed_to(state, rules):
            if code not in asked and not _settled(state, code):
                return Question(code, rules.findings[code].ask)
    if "severity" not in asked and "severe_pain" not in state.findings:
        return Question("severity", rules.texts["severity"])
    if "conditions" not in asked and complaint.id not in ("mental", "medicine"):
        return Question("conditions", rules.texts["conditions"])
    return None


def _pointed_to(state: State, rules: RuleSet) -> Iterator[str]:
    """The questions of all circumstances that hold: the first of each, then the second of each, and so on, so that a
    story that points to three things has the gravest signs of all three asked. Pregnancy is not asked of a man."""
    present, facts = state.present(), state.facts
    held = [
        [code for code in one.ask if state.sex != "M" or code not in ("maybe_pregnant", "vaginal_bleeding_heavy")]
        for one in rules.circumstances
        if any(when.because(present, facts) is not None for when in one.when)
    ]
    for row in zip_longest(*held):
        yield from (code for code in row if code is not None)


def _settled(state: State, code: str) -> bool:
    known = state.findings.get(code)
    return known is not None and (known.present is True or known.source == "stated")


def _other(rules: RuleSet) -> Complaint:
    return next(one for one in rules.complaints if one.id == "other")
