"""What a reply is to the question that is open."""

from __future__ import annotations

from dataclasses import replace

from care_services.triage.answers import read_severity
from care_services.triage.numbers import durations, numbers
from care_services.triage.person import read_age
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import Scan, scan
from care_services.triage.state import Known, Question, State

NONE: frozenset[str] = frozenset()
SURGERY_DAYS = 30
"""For which an operation counts, as the question of conditions says."""
_CONDITIONS = ("immune_low", "dialysis", "anticoagulant", "recent_surgery")


def answered(state: State, heard: Scan, rules: RuleSet) -> State:
    """The reply as an answer to the question that is open."""
    question = state.pending
    assert question is not None
    yes = rules.answers.yes_no(heard.words, question.id, question.text)
    state = replace(state, pending=None)
    if question.id == "about":
        words = set(heard.words.words)
        about = (
            "child"
            if words & {"crianca", "filho", "filha", "bebe"}
            else "self"
            if words & {"mim", "eu", "comigo"}
            else "other"
        )
        return replace(state, about=about, unread=0)
    if question.id == "age":
        age = read_age(heard.words)
        facts = {k: v for k, v in state.facts.items() if k not in age} | age
        return replace(state, facts=facts if age else state.facts, unread=state.unread + (not age))
    if question.id == "screen":
        return _screened(state, heard, yes, rules)
    if question.id == "story":
        return state
    if question.id == "pregnancy":
        return _stated(state, ("pregnant",), yes and "postpartum" not in heard.present(), heard.words.text)
    if question.id == "conditions":
        lately = any(span.value <= SURGERY_DAYS for span in durations(heard.words.words))  # "menisco, faz 12 dias"
        named = tuple(code for code in _CONDITIONS if code in heard.present() or (code == "recent_surgery" and lately))
        other = yes and len(heard.words.words) > 2 and "sim" not in heard.words.words
        if not named and (other or (yes is None and "near_substance" in heard.present())):
            return replace(state, unread=0)  # "tomo losartana" is none of them
        if yes is None and not named and _once(state, question, heard, rules):
            return replace(state, pending=question)
        yes = yes is not False if named else yes
        return _stated(state, named or _CONDITIONS[:1], yes, heard.words.text)
    if question.id == "onset":
        fast = yes and bool({"rapido", "sim"} & set(heard.words.words))
        return state if yes is None else _stated(state, ("worsening_fast",), fast, heard.words.text)
    if question.id == "severity":
        return _stated(state, ("severe_pain",), read_severity(_marks(heard), yes), heard.words.text)
    return _of_finding(state, question, heard, yes, rules)


def told_well(state: State, message: str, rules: RuleSet) -> frozenset[str]:
    """The findings that a reply to the open question denies by telling that all is well: its words only look like a
    sign ("sonolento? esse não para quieto", "respiro fundo e solto, de boa")."""
    question = state.pending
    return rules.answers.well_instead(scan(message, rules).words, question.id, question.text) if question else NONE


def _screened(state: State, heard: Scan, yes: bool | None, rules: RuleSet) -> State:
    said = heard.words.text.casefold()
    rows = [row for row in rules.screen["rows"] if row["title"].casefold() in said]
    if rows:
        return _stated(state, tuple(code for row in rows for code in row["findings"]), True, heard.words.text)
    if yes:  # a yes to the whole list: each of its signs is asked
        return replace(state, to_ask=(*(row["findings"][0] for row in rules.screen["rows"]), *state.to_ask), unread=0)
    return replace(state, unread=0 if yes is False or heard.present() else state.unread + 1)


def _of_finding(state: State, question: Question, heard: Scan, yes: bool | None, rules: RuleSet) -> State:
    """The reply to whether a finding is there. What says neither yes nor no is asked for once more; then, as where they
    do not know, the finding is unknown."""
    code = question.id
    if yes is None:
        yes = rules.answers.by_number(code, heard.words)
    if code == "severe_pain":
        yes = read_severity(_marks(heard), yes)
    if yes is not None:
        return _stated(state, (code,), yes, heard.words.text)
    if _once(state, question, heard, rules):
        return replace(state, pending=question)
    unsure = rules.answers.is_unsure(heard.words)
    return replace(state, unread=0 if unsure else state.unread + 1, unanswered=(*state.unanswered, code))


def _once(state: State, question: Question, heard: Scan, rules: RuleSet) -> bool:
    """Whether the question was asked only once, and they do not say that they do not know."""
    return state.asked.count(question.id) == 1 and not rules.answers.is_unsure(heard.words)


def _marks(heard: Scan) -> list[float]:
    """The numbers of a reply that count no time."""
    times = {span.first for span in durations(heard.words.words)}
    return [number.value for number in numbers(heard.words.words) if number.first not in times]


def _stated(state: State, codes: tuple[str, ...], yes: bool | None, quote: str) -> State:
    if yes is None:
        return replace(state, unread=state.unread + 1)
    findings = dict(state.findings)
    for code in codes:
        known = findings.get(code)
        if yes or known is None or not known.present:
            findings[code] = Known(yes, "stated", quote)
    return replace(state, findings=findings, unread=0)
