"""The interview, as a pure function: state and message in, state and next question out (`replies.py` what a reply is,
`questions.py` what is asked). It stops as soon as the level is emergency or very-urgent. It knows nothing of channels,
records or clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from care_services.triage.assessment import assess
from care_services.triage.doubt import everyday, grave, in_doubt
from care_services.triage.levels import LEVELS, highest, stops
from care_services.triage.measures import Facts, worse
from care_services.triage.questions import asked_again, light, next_question
from care_services.triage.replies import answered, told_well
from care_services.triage.rule_set import Rule, RuleSet
from care_services.triage.scanner import Hit, Scan, scan
from care_services.triage.state import Known, State

UNREAD_TO_PERSON = 2
"""Answers not understood one after the other, after which a person takes over."""
_ASKED_BY = {"onset": {"sudden_onset", "worsening_fast"}, "severity": {"severe_pain"}}
"""Signs that a question asks for which is not one sign's own."""


def step(state: State, message: str, rules: RuleSet) -> State:
    """The state after a turn of the member's (messages that came together are one, a line each). `pending` is the next
    question; `outcome` says that there is none: "level" reached, "person" wanted. A message after the end is still
    read, and can only raise the level."""
    heard, asked = _scanned(state, message, rules), state.pending.id if state.pending else "story"
    if message.strip():
        state = replace(state, answers=(*state.answers, (asked, message)))
    state = answered(state, heard, rules) if state.pending else state
    state = _weighed(_heard(state, heard, rules, asked), rules)
    if _is_told(state):
        return replace(state, pending=None, outcome="level")
    question = None if state.unread >= UNREAD_TO_PERSON else asked_again(state, rules) or next_question(state, rules)
    if question:
        return replace(state, pending=question, asked=(*state.asked, question.id))
    state = _weighed(_undoubted(state), rules)
    if _is_told(state):
        return replace(state, pending=None, outcome="level")
    if state.unread >= UNREAD_TO_PERSON:
        level, ruled = highest(state.level, "urgent"), highest(state.ruled, "urgent")
        return replace(state, pending=None, outcome="person", level=level, ruled=ruled)
    signs = any(rules.findings[code].kind == "sign" for code in state.present())
    complaint = assess(state.present(), state.facts, rules).complaint
    person = complaint is None or (complaint == "child" and not signs)
    ruled = highest(state.ruled, _unsure(state, rules) if person else _cautious(state, rules))
    level = highest(state.level, ruled)
    if level != ruled:  # a model and the rules disagree, upward: a person looks at it today
        level = highest(level, "urgent")
    return replace(state, pending=None, outcome="person" if person else "level", level=level, ruled=ruled)


def seeing(state: State, findings: Mapping[str, str], by: str) -> State:
    """The state with what a model saw: code -> quote. by: model and prompt version."""
    new = {code: Known(True, "extracted", quote) for code, quote in findings.items() if code not in state.seen}
    return replace(state, seen=state.seen | new, seen_by=by) if new else state


def _raised(state: State, rules: RuleSet) -> State:
    """The level with what only a model saw, and the rules that it fires."""
    if not state.seen.keys() - state.present().keys():
        return state
    found = assess(state.known(), state.facts, rules, state.unanswered, state.level)
    return replace(state, level=found.level, fired=found.fired)


def _unsure(state: State, rules: RuleSet) -> str:
    """The level of a story that no rule knows: a person reads it; at once where it points to something of risk and
    nothing in it is mild or administrative, or where it sounds grave."""
    risk = not light(state, rules) and _any_holds(rules.unknown, state)
    return "very-urgent" if risk or grave(state.story(), rules) else "urgent"


def _cautious(state: State, rules: RuleSet) -> str:
    """The level of a story whose signs do not say enough, of somebody who has little to spare, or that begins at once
    or worsens, or that sounds grave."""
    risk = not light(state, rules) and _any_holds(rules.caution, state)
    return "very-urgent" if risk or grave(state.story(), rules) else LEVELS[0]


def _any_holds(candidates: tuple[Rule, ...], state: State) -> bool:
    present = state.present()
    return any(rule.when.because(present, state.facts) is not None for rule in candidates)


def _weighed(state: State, rules: RuleSet) -> State:
    """With the level of what is known."""
    found = assess(state.present(), state.facts, rules, state.unanswered, state.ruled)
    return _raised(replace(state, ruled=found.level, level=highest(state.level, found.level), fired=found.fired), rules)


def _is_told(state: State) -> bool:
    """Whether nothing more is asked: the rules send to help at once, or a model sees an emergency."""
    return stops(state.ruled) or state.level == LEVELS[-1]


def _scanned(state: State, message: str, rules: RuleSet) -> Scan:
    """What the scanner finds, but what the reply denies so."""
    heard, well = scan(message, rules), told_well(state, message, rules)
    return replace(heard, hits=tuple(hit for hit in heard.hits if hit.code not in well)) if well else heard


def _heard(state: State, heard: Scan, rules: RuleSet, asked: str) -> State:
    """What the scanner found joins what is known; what it found denied, past or pointed to is to be asked, what is in
    doubt first. That something happens "today" counts in the story alone: in a reply it says since when."""
    findings, facts = dict(state.findings), worse(state.facts, heard.facts)
    for code, hit in heard.present().items():
        known = findings.get(code)
        if (known is None or not known.present) and (asked == "story" or code != "acute_story"):
            findings[code] = Known(True, "matched", hit.quote)
    doubted = _in_doubt(state, findings, heard, facts, rules, asked)
    for code in doubted:
        before = state.findings.get(code)
        findings[code] = before if before and before.source == "stated" else replace(findings[code], present=None)
    asks = [code for code, hit in heard.to_ask().items() if _asks(code, hit, rules)]
    to_ask = dict.fromkeys((*doubted, *state.to_ask, *asks))
    return replace(state, findings=findings, facts=facts, to_ask=tuple(to_ask))


def _in_doubt(
    state: State, findings: Mapping[str, Known], heard: Scan, facts: Facts, rules: RuleSet, asked: str
) -> list[str]:
    """The signs among those just heard that are asked before they count: none that the message states, being asked."""
    if not everyday(state.story(), rules):
        return []
    screen = {code for row in rules.screen["rows"] for code in row["findings"]}
    asked_for = screen if asked == "screen" else _ASKED_BY.get(asked, {asked})
    weak = heard.present().keys() - heard.plain() - asked_for - state.present().keys() - set(state.unanswered)
    present = {code for code, known in findings.items() if known.present}
    return sorted(in_doubt(present, weak, facts, rules))


def _undoubted(state: State) -> State:
    """At the end of the questions: what is in doubt still, being neither confirmed nor denied, counts."""
    return replace(
        state,
        findings={code: replace(one, present=one.present is not False) for code, one in state.findings.items()},
    )


def _asks(code: str, hit: Hit, rules: RuleSet) -> bool:
    return rules.findings[code].kind == "sign" and any(
        atom.name == code for rule in rules.flags for part in rule.when.parts for atom in part
    )
