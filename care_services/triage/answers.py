"""How an answer to a direct question is read: yes, no, or neither. Whatever else it says is scanned like any text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from care_services.triage.normal import Words

_MARKED_NO = (" nao", " negativo", " negativa")
"""Ends of replies that make a no of them."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What replies are read by: `rules/answers.toml`, where each is explained."""

    yes: re.Pattern[str]
    no: re.Pattern[str]
    denies: re.Pattern[str]
    stopped: re.Pattern[str]
    lasting: re.Pattern[str]
    lesser: re.Pattern[str]
    unsure: re.Pattern[str]
    well: re.Pattern[str]
    not_well: re.Pattern[str]
    was: re.Pattern[str]

    def yes_no(self, words: Words, asked: str = "") -> bool | None:
        """True, False, or None where it is neither, or where a yes comes with words that say that all is well. `asked`:
        the question, where it is one of a finding."""
        said = " ".join(words.words)
        if self.lasting.search(asked) and self.stopped.match(said):
            return False
        if self.unsure.match(said) or self.lesser.match(said):
            return None
        if self.no.match(said) or said.endswith(_MARKED_NO) or self.denies.match(_first_clause(words)):
            return False
        if self._says_well(words, said):
            return None if self.was.match(said) else False
        return True if self.yes.match(said) else None

    def _says_well(self, words: Words, said: str) -> bool:
        """Whether one of its clauses says so, and nothing denies or lessens it."""
        if self.not_well.search(said.replace("ha pouco", "")):
            return False
        clauses = groupby(zip(words.clause, words.words, strict=True), key=itemgetter(0))
        return any(self.well.search(" ".join(word for _, word in clause)) for _, clause in clauses)


def _first_clause(words: Words) -> str:
    return " ".join(word for word, clause in zip(words.words, words.clause, strict=True) if clause == words.clause[0])


def read_severity(values: list[float], said_yes: bool | None) -> bool | None:
    """Whether a mark from 0 to 10, or a yes, says that it is very strong."""
    marks = [value for value in values if 0 <= value <= 10]
    return max(marks) >= 8 if marks else said_yes
