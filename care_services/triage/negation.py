"""Whether a word is denied or lies in the past. Negation reaches 5 words to the right, through words that let it pass,
and ends at punctuation and at "mas", "porém", "só que"; whatever it is not sure of counts as present."""

from __future__ import annotations

import re
from collections.abc import Mapping

from care_services.triage.lexicon import Span
from care_services.triage.normal import Words
from care_services.triage.rule_set import Negation

_YEAR = re.compile(r"(?:19[5-9]\d|20[0-3]\d)")
_LONG_AGO = re.compile(r"anos?|meses")
_COMPARES = frozenset({"assim", "dessa", "desse", "desta", "igual", "tao", "parecida", "parecido", "forte"})
PAST_REACH = 9


def denied_by(
    words: Words, at: int, negation: Negation, spoken_for: Mapping[int, int], condition: bool = False
) -> int | None:
    """Where the word stands that denies what begins at word `at`; None: nothing does. `condition`: what an illness, a
    medicine or a surgery is named by. A "não" that belongs to something else that was found and stands between ("não
    consigo respirar") denies nothing more, nor does "nunca senti uma dor assim"."""
    for back in range(at - 1, max(-1, at - 1 - negation.reach), -1):
        word = words.words[back]
        if words.clause[back] != words.clause[at] or word in negation.stops:
            return None
        if word in negation.negators or (
            word == "nada" and words.words[back + 1] == "de" and words.words[max(0, back - 1)] != "do"
        ):
            return None if spoken_for.get(back, at) < at or _but(words, back) else back
        if word not in negation.lets_through and not (condition and word in negation.to_conditions):
            return None
    return None


def _but(words: Words, at: int) -> bool:
    after = words.words[at + 1 : at + 3]
    if words.words[at] == "nunca":
        clause = (word for word, clause in zip(words.words, words.clause, strict=True) if clause == words.clause[at])
        if _COMPARES.intersection(clause):
            return True
    return after[:1] in (("so",), ("apenas",), ("somente",), ("sei",), ("que",)) or after == ("e", "so")


def past_by(words: Words, first: int, end: int, mentions: Mapping[str, list[Span]]) -> str | None:
    """The words that put what stands at first..end into the past: a year, "ano passado", "há 3 anos", near it, in its
    sentence; None where they are missing, or where the sentence also says that it is so now."""
    sentence = words.sentence[first]
    for at in range(max(0, first - 3), min(len(words.words), end + 3)):
        if _YEAR.fullmatch(words.words[at]) and words.sentence[at] == sentence:
            return words.words[at]
    if any(words.sentence[span[0]] == sentence for span in mentions.get("#now", ())):
        return None
    for span in mentions.get("#history", ()):
        if words.sentence[span[0]] == sentence and span[0] - end >= -PAST_REACH and span[0] - end <= PAST_REACH:
            return words.quote(*span)
    for at in range(max(0, first - PAST_REACH), min(len(words.words), end + PAST_REACH)):
        if words.sentence[at] != sentence:
            continue
        word = words.words[at]
        if _LONG_AGO.fullmatch(word) and at > 1 and words.words[at - 2] in ("ha", "faz") and not first <= at < end:
            return words.quote(at - 2, at + 1)
    return None
