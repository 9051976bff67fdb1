"""The interview, as a pure function: state and message in, state and next question out. About whom, age, pregnancy if
it can be, safety screen, complaint, onset, the complaint's red flags, severity, conditions (section 5, order of
questions); it stops as soon as the level is emergency or very-urgent. It knows nothing of channels, records or
clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from care_services.triage.answers import read_severity
from care_services.triage.assessment import Fired, assess, complaint_of
from care_services.triage.doubt import STOPS, everyday, grave, in_doubt
from care_services.triage.levels import LEVELS, highest
from care_services.triage.measures import Facts, worse
from care_services.triage.numbers import durations, numbers
from care_services.triage.person import read_age
from care_services.triage.rule_set import Complaint, Rule, RuleSet
from care_services.triage.scanner import Hit, Scan, scan

MOST_QUESTIONS = 8
"""Of a complaint, after the safety screen."""
MOST_QUESTIONS_MORE = 20
"""With those of the circumstances."""
MOST_QUESTIONS_LIGHT = 10
"""The same, where the story sounds mild or administrative."""
UNREAD_TO_PERSON = 2
"""Answers not understood one after the other, after which a person takes over."""
YOUNG_BABY = 5 / 12
"""Years from which nobody is taken for a baby under three months, however roughly the age was told."""
NONE: frozenset[str] = frozenset()
_CONDITIONS = ("immune_low", "dialysis", "anticoagulant", "recent_surgery")
_ASKED_BY = {"onset": {"sudden_onset", "worsening_fast"}, "severity": {"severe_pain"}}
"""Signs that a question asks for which is not one sign's own."""


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as it is known. `present`: None while it is in doubt, and asked. `source`: stated (a direct answer),
    matched (the scanner) or extracted (a model). `quote`: the member's words."""

    present: bool | None
    source: str
    quote: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked next. `rows`: the choices that are shown with it."""

    id: str
    text: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of an interview. `level` never falls.

    What only a model saw raises it and steers nothing: what is asked, and when it ends, is decided by `ruled`, the
    level by rules alone. So no answer of a model can lead past a question whose answer would have been worse.
    """

    findings: dict[str, Known] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    to_ask: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    pending: Question | None = None
    about: str | None = None
    sex: str | None = None
    unread: int = 0
    level: str = LEVELS[0]
    fired: tuple[Fired, ...] = ()
    outcome: str | None = None
    answers: tuple[tuple[str, str], ...] = ()
    """The member's words, each with the id of the question they answer, "story" where nothing was asked."""
    ruled: str = LEVELS[0]
    seen: dict[str, Known] = field(default_factory=dict)
    """Findings that a model alone saw."""
    seen_by: str | None = None
    """Model and prompt version."""

    def present(self) -> dict[str, Known]:
        """What is there, by rules."""
        return {code: known for code, known in self.findings.items() if known.present}

    def story(self) -> str:
        """What was told before anything was asked."""
        return "\n".join(said for asked, said in self.answers if asked == "story")

    def known(self) -> dict[str, Known]:
        """What is there, and what only a model saw."""
        return self.seen | self.present()

    def model(self) -> str | None:
        """Whose findings are among them beside those of the rules."""
        return self.seen_by if self.seen.keys() - self.present().keys() else None


def step(state: State, message: str, rules: RuleSet) -> State:
    """The state after a turn of the member's (messages that came together are one, a line each). `pending` is the next
    question; `outcome` says that there is none: "level" reached, "person" wanted. A message after the end is still
    read, and can only raise the level."""
    heard, asked = _scanned(state, message, rules), state.pending.id if state.pending else "story"
    if message.strip():
        state = replace(state, answers=(*state.answers, (asked, message)))
    state = _answered(state, heard, rules) if state.pending else state
    state = _weighed(_heard(state, heard, rules, asked), rules)
    if _is_told(state):
        return replace(state, pending=None, outcome="level")
    question = None if state.unread >= UNREAD_TO_PERSON else _again(state, rules) or _next(state, rules)
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
    risk = not _light(state, rules) and _any_holds(rules.unknown, state)
    return "very-urgent" if risk or grave(state.story(), rules) else "urgent"


def _cautious(state: State, rules: RuleSet) -> str:
    """The level of a story whose signs do not say enough, of somebody who has little to spare, or that begins at once
    or worsens, or that sounds grave."""
    risk = not _light(state, rules) and _any_holds(rules.caution, state)
    return "very-urgent" if risk or grave(state.story(), rules) else LEVELS[0]


def _any_holds(candidates: tuple[Rule, ...], state: State) -> bool:
    present = state.present()
    return any(rule.when.because(present, state.facts) is not None for rule in candidates)


def _light(state: State, rules: RuleSet) -> bool:
    """Whether something in the story is mild or administrative, or all of it sounds everyday."""
    return not state.present().keys().isdisjoint(("mild_story", "administrative")) or everyday(state.story(), rules)


def _weighed(state: State, rules: RuleSet) -> State:
    """With the level of what is known."""
    found = assess(state.present(), state.facts, rules, state.unanswered, state.ruled)
    return _raised(replace(state, ruled=found.level, level=highest(state.level, found.level), fired=found.fired), rules)


def _is_told(state: State) -> bool:
    """Whether nothing more is asked: the rules send to help at once, or a model sees an emergency."""
    return state.ruled in STOPS or state.level == LEVELS[-1]


def told_well(state: State, message: str, rules: RuleSet) -> frozenset[str]:
    """The findings that a reply to the open question denies by telling that all is well: its words only look like a
    sign ("sonolento? esse não para quieto", "respiro fundo e solto, de boa")."""
    question = state.pending
    return rules.answers.well_instead(scan(message, rules).words, question.id, question.text) if question else NONE


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


def _answered(state: State, heard: Scan, rules: RuleSet) -> State:
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
        named = tuple(code for code in _CONDITIONS if code in heard.present())
        other = yes and len(heard.words.words) > 2 and "sim" not in heard.words.words
        if not named and (other or (yes is None and "near_substance" in heard.present())):
            return replace(state, unread=0)  # "tomo losartana" is none of them
        if yes is None and _once(state, question, heard, rules):
            return replace(state, pending=question)
        return _stated(state, named or _CONDITIONS[:1], yes, heard.words.text)
    if question.id == "onset":
        fast = yes and bool({"rapido", "sim"} & set(heard.words.words))
        return state if yes is None else _stated(state, ("worsening_fast",), fast, heard.words.text)
    if question.id == "severity":
        return _stated(state, ("severe_pain",), read_severity(_marks(heard), yes), heard.words.text)
    return _of_finding(state, question, heard, yes, rules)


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


def _screened(state: State, heard: Scan, yes: bool | None, rules: RuleSet) -> State:
    said = heard.words.text.casefold()
    rows = [row for row in rules.screen["rows"] if row["title"].casefold() in said]
    if rows:
        return _stated(state, tuple(code for row in rows for code in row["findings"]), True, heard.words.text)
    if yes:  # a yes to the whole list: each of its signs is asked
        return replace(state, to_ask=(*(row["findings"][0] for row in rules.screen["rows"]), *state.to_ask), unread=0)
    return replace(state, unread=0 if yes is False or heard.present() else state.unread + 1)


def _again(state: State, rules: RuleSet) -> Question | None:
    """The question that is still open, in words that say how to answer; None: what they said settled it."""
    pending = state.pending
    if pending is None or _settled(state, pending.id):
        return None
    return replace(pending, text=f"{rules.texts['ask_again']}\n\n{pending.text}")


def _next(state: State, rules: RuleSet) -> Question | None:
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
    if own < (MOST_QUESTIONS_LIGHT if _light(state, rules) else MOST_QUESTIONS_MORE):
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
