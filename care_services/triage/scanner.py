"""What a text says of signs: every finding it names, the member's own words for it, and whether it was denied or lies
in the past. A denied hit asks the question and clears nothing (section 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from care_services.triage.lexicon import Span
from care_services.triage.measures import Facts, measured
from care_services.triage.negation import denied_by, past_by
from care_services.triage.normal import Words, words_of
from care_services.triage.patterns import Pattern
from care_services.triage.person import said_of_person
from care_services.triage.rule_set import RuleSet
from care_services.triage.subjects import of_no_body

DENYING = frozenset({"nao", "nem", "sem", "nunca", "num", "nada", "ninguem", "parou", "perdeu", "dificil"})
_EXPECTING = re.compile("gravid|gest|buchud|prenh")
_JOINS = frozenset({"e", "nem", "ou", "de", "pra", "para", "por", "com"})
_BESIDE_DRINKS = frozenset({"come", "mama", "dorme", "brinca", "fala", "ele", "ela", "nao", "nem", "tambem"})
LONGEST = 6000
"""Characters that are looked at; who writes more is read by a person too."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding that a text names. `status`: present, denied, past, or pointed: words that fit it and much else;
    `because`: the word that denied or dated it."""

    code: str
    status: str
    quote: str
    start: int
    end: int
    pattern: str
    because: str = ""
    plain: bool = False
    """Whether its words can mean nothing else."""


@dataclass(frozen=True, slots=True)
class Scan:
    """All of a text. `facts` are the numbers it gives."""

    words: Words
    hits: tuple[Hit, ...]
    facts: Facts
    corrected: tuple[tuple[str, str], ...]

    def present(self) -> dict[str, Hit]:
        """Finding -> the first hit that says it is there."""
        return {hit.code: hit for hit in reversed(self.hits) if hit.status == "present"}

    def plain(self) -> set[str]:
        """The findings that are there by words which can mean nothing else."""
        return {hit.code for hit in self.hits if hit.status == "present" and hit.plain}

    def to_ask(self) -> dict[str, Hit]:
        """Finding -> the hit that denied it, put it into the past or points to it, where none says that it is there."""
        there = self.present()
        return {hit.code: hit for hit in reversed(self.hits) if hit.code not in there}


@lru_cache(maxsize=512)  # a turn looks at a text several times, and at what was told before; many have theirs by turns
def scan(text: str, rules: RuleSet) -> Scan:
    """Reads a text. Total: whatever it is, it has an answer."""
    words = words_of(text[:LONGEST], rules.spellings)
    corrected = tuple(rules.spelling.corrected(word) for word in words.words)
    changes = tuple((a, b) for a, b in zip(words.words, corrected, strict=True) if a != b)
    corrected = tuple(_meant(corrected, at) for at in range(len(corrected)))
    words = Words(words.text, corrected, words.spans, words.clause, words.sentence)
    mentions = {
        key: [span for span in spans if not (_answers(words, span) or (key == "bebe" and _drinks(words, span)))]
        for key, spans in rules.lexicon.mentions(words.words, words.sentence).items()
    }
    masked = {at for first, end in mentions.pop("#mask", ()) for at in range(first, end)}
    if masked:
        mentions = {
            key: kept
            for key, spans in mentions.items()
            if (kept := [span for span in spans if not any(at in masked for at in range(*span))])
        }
    fits = _fits(words, mentions, rules)
    spoken_for = {
        spans[at][0]: spans[at + 1][0] for _, one, spans in fits for at in range(len(spans) - 1) if one.denies(at)
    }
    nobodys = of_no_body(words, mentions, rules.subjects)
    taken = _taken(fits, words, rules, spoken_for)
    hits: dict[tuple[str, str, str, bool], Hit] = {}
    for code, one, spans in fits:
        hit = _hit(code, one, spans, words, mentions, rules, spoken_for)
        other = (not one.plain and _of_another(one, spans, words, taken)) or _of_no_body(code, spans, nobodys)
        if hit.status == "present" and other:
            hit = replace(hit, status="pointed")
        hits.setdefault((hit.code, hit.status, hit.quote, hit.plain), hit)
    return Scan(words, tuple(hits.values()), measured(words) | said_of_person(words, mentions), changes)


def _meant(words: tuple[str, ...], at: int) -> str:
    """A word that stands for another where it is: "que nem papel" compares, "grávida 34 sem" counts weeks."""
    before = words[max(0, at - 3) : at]
    if words[at] == "nem" and before[-1:] == ("que",):
        return "como"
    weeks = words[at] == "sem" and before and before[-1].isdigit()
    return "semanas" if weeks and any(_EXPECTING.match(word) for word in before) else words[at]


def _answers(words: Words, span: Span) -> bool:
    """Whether a phrase begins with a "não" that ends at punctuation: "não, respira bem" is not "não respira"."""
    first, end = span
    return end - first > 1 and words.words[first] in DENYING and words.clause[first] != words.clause[first + 1]


def _fits(
    words: Words, mentions: Mapping[str, list[Span]], rules: RuleSet
) -> list[tuple[str, Pattern, tuple[Span, ...]]]:
    found = []
    for key in mentions:
        for code, one in rules.by_key.get(key, ()):
            if one.may_match(mentions):
                found += [(code, one, spans) for spans in one.matches(mentions, words)]
    return found


def _taken(
    fits: list[tuple[str, Pattern, tuple[Span, ...]]], words: Words, rules: RuleSet, spoken_for: Mapping[int, int]
) -> dict[int, int]:
    """Of each "sem" the end of the sign that stands directly after it: what it denies."""
    taken: dict[int, int] = {}
    for code, one, spans in fits:
        first, end = spans[0]
        if len(spans) > 1 or one.fixed or first == 0 or words.words[first - 1] != "sem":
            continue
        if (
            rules.findings[code].kind != "condition"
            and denied_by(words, first, rules.negation, spoken_for) == first - 1
        ):
            taken[first - 1] = max(end, taken.get(first - 1, end))
    return taken


def _of_another(one: Pattern, spans: tuple[Span, ...], words: Words, taken: Mapping[int, int]) -> bool:
    """Whether the "sem" of a pattern denies something else that stands before what the pattern has it deny, and nothing
    joins the two: "sem febre comendo", not "sem febre nem fome"."""
    for at, (first, _) in enumerate(spans[:-1]):
        end, reached = taken.get(first), spans[at + 1][0]
        if end is not None and one.denies(at) and end <= reached and not _JOINS.intersection(words.words[end:reached]):
            return True
    return False


def _of_no_body(code: str, spans: tuple[Span, ...], nobodys: list[tuple[Span, frozenset[str]]]) -> bool:
    """Whether what a pattern matched is told of a thing that does so too, or of somebody in a tale."""
    last, end = max(spans)[0], max(span[1] for span in spans)
    return any(code in findings and within[0] <= last and end <= within[1] for within, findings in nobodys)


def _drinks(words: Words, span: Span) -> bool:
    """Whether "bebe" is what somebody does, and no baby: "come, bebe e brinca"."""
    at = span[0]
    if words.words[at] != "bebe" or "ê" in words.quote(*span).casefold():
        return False
    before = at - 2 if at > 1 and words.words[at - 1] == "e" else at - 1
    return before >= 0 and words.words[before] in _BESIDE_DRINKS


def _fixed(one: Pattern, spans: tuple[Span, ...], words: Words) -> bool:
    """Whether what was matched says "não" or "sem" itself: a fixed phrase, which no negation touches."""
    if not one.fixed:
        return False
    said = {words.words[at] for first, end in spans for at in range(first, end)}
    return bool(said & DENYING) or any(one.denies(at) for at in range(len(spans)))


def _hit(
    code: str,
    one: Pattern,
    spans: tuple[Span, ...],
    words: Words,
    mentions: Mapping[str, list[Span]],
    rules: RuleSet,
    spoken_for: Mapping[int, int],
) -> Hit:
    first, end = min(span[0] for span in spans), max(span[1] for span in spans)
    status, because = "present", ""
    if not _fixed(one, spans, words):
        condition = rules.findings[code].kind == "condition"
        denials = (denied_by(words, span[0], rules.negation, spoken_for, condition) for span in spans)
        denial = next((at for at in denials if at is not None), None)
        if denial is not None:
            status, because = "denied", words.words[denial]
    if status == "present" and rules.findings[code].kind == "sign":
        dated = past_by(words, first, end, mentions)
        if dated:
            status, because = "past", dated
    if status == "present" and one.points:
        status = "pointed"
    return Hit(
        code, status, words.quote(first, end), words.spans[first][0], words.spans[end - 1][1], one.source, because,
        one.plain,
    )  # fmt: skip
