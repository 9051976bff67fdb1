"""Who it is that something is told of: a car that died, dough that fainted and the villain of a serial are no bodies.
What is told of them only points to a sign, so that it is asked. Which words, and for which findings, is data:
`rules/subjects.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from care_services.triage.lexicon import Span
from care_services.triage.normal import Words

PERSONS = ("eu", "bebe", "crianca", "velho", "outro", "#person")
"""Concepts by which somebody is named."""
ALL = "*"
_IN = frozenset({"no", "na"})
_AND = frozenset({"e", "mas", "nem", "que"})
_NAMES = {"articles", "between", "accented", "persons", "does", "speaks", "object_of"}


@dataclass(frozen=True, slots=True)
class Subjects:
    """What `subjects.toml` says. `of`: a thing -> the findings that it only points to."""

    of: Mapping[str, frozenset[str]]
    inside: frozenset[str]
    """Things in which something happens, and which do nothing."""
    articles: frozenset[str]
    between: frozenset[str]
    accented: Mapping[str, str]
    does: re.Pattern[str]
    speaks: re.Pattern[str]
    object_of: re.Pattern[str]


def of_no_body(
    words: Words, mentions: Mapping[str, list[Span]], subjects: Subjects
) -> list[tuple[Span, frozenset[str]]]:
    """Where something is told of what has no body, and the findings that are then only pointed to."""
    persons = {span[0] for name in PERSONS for span in mentions.get(name, ())}
    return [
        ((at + 1, _end(words, at + 1, persons, subjects, word in subjects.inside)), subjects.of[word])
        for at, word in enumerate(words.words)
        if word in subjects.of
        and (_is_inside(words, at) if word in subjects.inside else _is_subject(words, at, subjects))
    ]


def _is_inside(words: Words, at: int) -> bool:
    return at > 0 and words.words[at - 1] in _IN


def _is_subject(words: Words, at: int, subjects: Subjects) -> bool:
    """Whether the word at `at`, with its article, begins what is told."""
    first = at - 1
    while first > 0 and words.words[first] in subjects.between:
        first -= 1
    if first < 0 or words.words[first] not in subjects.articles or at + 1 == len(words.words):
        return False
    if words.clause[at + 1] != words.clause[at] or not subjects.does.fullmatch(words.words[at + 1]):
        return False
    if subjects.accented.get(words.words[at], "") not in words.quote(at, at + 1).casefold():
        return False
    before = words.words[first - 1] if first and words.clause[first - 1] == words.clause[first] else ""
    return not subjects.object_of.fullmatch(before)


def _end(words: Words, at: int, persons: Collection[int], subjects: Subjects, inside: bool) -> int:
    """Where what is told from word `at` on is told of somebody or something else; inside a game, whoever tells it."""
    first, sentence = at, words.sentence[at]
    while at < len(words.words) and words.sentence[at] == sentence:
        word, before = words.words[at], words.words[at - 1]
        joined = before in _AND or words.clause[at - 1] != words.clause[at]
        other = word in subjects.articles and joined and at > first
        if other or (not inside and (at in persons or subjects.speaks.fullmatch(word))):
            break
        at += 1
    return at


def read_subjects(
    written: Mapping[str, Any], words: Callable[[str], Sequence[str]], codes: Collection[str], faults: list[str]
) -> Subjects | None:
    """What `subjects.toml` says, its words as they are compared; None, and faults, where that cannot be."""
    before, of, inside = len(faults), dict[str, frozenset[str]](), frozenset[str]()
    named: dict[str, Any] = {name: one for name, one in written.items() if not isinstance(one, Mapping)}
    faults += [f"subjects.toml: {name} is missing" for name in sorted(_NAMES - named.keys())]
    for name, body in written.items():
        if isinstance(body, Mapping):
            findings = frozenset(codes if body["findings"] == ALL else body["findings"].split())
            faults += [f"subjects.toml {name}: no finding {code!r}" for code in sorted(findings - set(codes))]
            of |= dict.fromkeys(words(body["words"]), findings)
            inside |= frozenset(words(body["words"])) if body.get("inside") else frozenset()
    if len(faults) > before:
        return None
    try:
        does, speaks, object_of = (re.compile(named[name]) for name in ("does", "speaks", "object_of"))
    except re.error as error:
        faults.append(f"subjects.toml: no regular expression: {error}")
        return None
    accented = {words(word)[0]: word for word in named["accented"].split()}
    articles, between = (frozenset(words(named[name])) for name in ("articles", "between"))
    return Subjects(of, inside, articles, between, accented, does, speaks, object_of)
