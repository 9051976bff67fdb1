"""How an answer to a direct question is read: yes, no, or neither. Whatever else it says is scanned like any text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf

from care_services.triage.measures import measured
from care_services.triage.normal import Words, folded, words_of
from care_services.triage.opposites import Opposites, Said

BARE = 2
"""Words of a reply that says yes and nothing else."""
STEM = 4
"""Letters by which a reply's word is one of the question's."""
REPEATED = 2
"""Words of a question in a reply that says the same."""
_OTHERWISE, _LACK = re.compile(",| ou "), re.compile(r"\b(?:sem|não|nem)\b")
"""What begins a question's second way of asking, and what it denies itself."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a number in a reply is where a finding is asked for, and from and below which value it is there."""

    fact: str
    word: str
    least: float = -inf
    below: float = inf

    def value(self, words: Words) -> float | None:
        """What the reply measures, be it a bare number."""
        return measured(words_of(f"{self.word} {words.text}", {})).get(self.fact)


@dataclass(frozen=True, slots=True)
class Answers:
    """What replies are read by: `rules/answers.toml`, where each is explained."""

    says_nothing: re.Pattern[str]
    yes: re.Pattern[str]
    echoes: re.Pattern[str]
    how_much: re.Pattern[str]
    uses: re.Pattern[str]
    using: re.Pattern[str]
    surely: re.Pattern[str]
    no: re.Pattern[str]
    denies: re.Pattern[str]
    stopped: re.Pattern[str]
    lasting: re.Pattern[str]
    joking: re.Pattern[str]
    in_earnest: re.Pattern[str]
    spared: re.Pattern[str]
    gradually: re.Pattern[str]
    as_ever: re.Pattern[str]
    at_once: re.Pattern[str]
    without: re.Pattern[str]
    otherwise: re.Pattern[str]
    lesser: re.Pattern[str]
    little: re.Pattern[str]
    much: re.Pattern[str]
    unsure: re.Pattern[str]
    well: re.Pattern[str]
    not_well: re.Pattern[str]
    was: re.Pattern[str]
    measures: Mapping[str, Measure]
    opposites: Opposites

    def yes_no(self, words: Words, code: str = "", asked: str = "") -> bool | None:
        """True, False, or None where it is neither, or where a yes comes with words that say that all is well. `code`
        and `asked`: the finding that was asked for, if it was one, and the question."""
        clauses = self._clauses(words)
        said, first = " ".join(clauses), clauses[0] if clauses else ""
        if self.lasting.search(asked) and self.stopped.match(said):
            return False
        if self.unsure.match(said):
            return None
        if self.in_earnest.search(" , ".join(clauses)):
            return None
        if any(map(self.joking.search, clauses)) and not (self.surely.match(said) or self.opposites.but.search(said)):
            return False
        of_it = self.opposites.says(code, clauses)
        if of_it is Said.ILL:
            return True
        if " " not in first and self.no.match(first):
            return False
        if of_it is Said.UNCLEAR:
            return True if self.surely.match(said) else None
        if of_it is Said.WELL:
            return None if self.surely.match(said) or self._yes_before(code, said, first) else False
        if self.lesser.match(said) or (self.much.search(asked) and self.little.match(said)):
            return None
        if self.no.match(said) or self.denies.search(first):
            return False
        if (
            self._lacks(said, asked)
            or any(map(self.spared.match, clauses))
            or (self.at_once.search(asked) and self.gradually.match(said) and self.as_ever.search(said))
        ):
            return False
        if self._says_well(clauses, said):
            return None if self.was.match(said) else False
        yes = self.yes.match(said) or self.yes.match(first) or self._echoes(said, asked) or self._repeats(said, asked)
        return True if yes else None

    def well_instead(self, words: Words, code: str, asked: str) -> frozenset[str]:
        """The findings that a reply denies by telling that all is well, and nothing but that: the one that was asked
        for, and those whose opposite is the same."""
        said = " ".join(self._clauses(words))
        other = self.no.match(said) or self.opposites.but.search(said)
        if other or self.yes_no(words, code, asked) is not False:
            return frozenset()
        return frozenset({code, *self.opposites.same(code)})

    def by_number(self, code: str, words: Words) -> bool | None:
        """What a number says where the finding is asked for, if it is one that is measured ("39" to a fever)."""
        one = self.measures.get(code)
        value = one.value(words) if one else None
        return None if one is None or value is None else one.least <= value < one.below

    def is_unsure(self, words: Words) -> bool:
        """Whether it says that they do not know."""
        return bool(self.unsure.match(" ".join(self._clauses(words))))

    def _clauses(self, words: Words) -> list[str]:
        """The text of each clause, without the words that say nothing, where others are left."""
        grouped = [list(clause) for _, clause in groupby(range(len(words.words)), key=words.clause.__getitem__)]
        clauses = [" ".join(words.words[at] for at in clause) for clause in grouped if not _asks(words, clause[-1])]
        clauses = clauses or [" ".join(words.words[at] for at in clause) for clause in grouped]
        telling = [" ".join(self.says_nothing.sub(" ", clause).split()) for clause in clauses]
        return [clause for clause in telling if clause] or clauses

    def _echoes(self, said: str, asked: str) -> bool:
        """Whether it says yes by a verb of the answer, and does not tell of something else."""
        if self.using.search(asked) and self.uses.match(said):
            return True
        if not self.echoes.match(said):
            return False
        words = said.split()
        about = {folded(word)[:STEM] for word in asked.split() if len(word) > STEM}
        return len(words) <= BARE or self.how_much.search(said) is not None or any(w[:STEM] in about for w in words[1:])

    def _repeats(self, said: str, asked: str) -> bool:
        """Whether it says what was asked for in the question's own words ("só a esquerda, inchada, quente e dolorida"),
        denies nothing, and was not asked how it began or how much it is."""
        if self.at_once.search(asked) or self.much.search(asked) or self.otherwise.search(said):
            return False
        return len(_stems(asked, STEM + 2) & set(map(_stem, said.split()))) >= REPEATED

    def _lacks(self, said: str, asked: str) -> bool:
        """Whether it denies what the question asks for, wherever it stands ("tá mole, sem dor"), and says nothing else
        of it. What the question itself denies ("sem fazer xixi") is no lack that it is free of."""
        if self.surely.match(said) or self.how_much.search(said) or self.opposites.but.search(said):
            return False
        question = " ".join(folded(word) for word in asked.split())
        first = _OTHERWISE.split(_LACK.split(asked)[0])[0]
        denied = {_stem(word) for word in self.without.findall(said)}
        told = {_stem(word) for word in said.split() if len(word) > len("com")} - denied
        return not denied.isdisjoint(_stems(first, len("dor"))) and told.isdisjoint(_stems(question, len("dor")))

    def _yes_before(self, code: str, said: str, first: str) -> bool:
        """Whether a yes stands before what says that all is well: "tá dormindo, brincou muito"."""
        return (
            (self.yes.match(said) is not None or self.echoes.match(said) is not None)
            and self.opposites.says(code, [first]) is not Said.WELL
            and not self._says_well([first], first)
            and self.opposites.but.search(said) is None
        )

    def _says_well(self, clauses: Sequence[str], said: str) -> bool:
        """Whether one of its clauses says so, and nothing denies or lessens it."""
        return self.not_well.search(said) is None and any(self.well.search(clause) for clause in clauses)


def _stem(word: str) -> str:
    """What tells that two words are one: the beginning of a longer one, all of a short one."""
    return word[: STEM + 1]


def _stems(asked: str, least: int) -> set[str]:
    """Of the words of so many letters at least."""
    return {_stem(folded(word)) for word in asked.split() if len(word) >= least}


def _asks(words: Words, at: int) -> bool:
    """Whether a question mark stands after a word: it repeats what was asked ("sonolento? não para quieto")."""
    return words.text[words.spans[at][1] :].lstrip().startswith("?")


def read_severity(values: list[float], said_yes: bool | None) -> bool | None:
    """Whether a mark from 0 to 10, or a yes, says that it is very strong."""
    marks = [value for value in values if 0 <= value <= 10]
    return max(marks) >= 8 if marks else said_yes
