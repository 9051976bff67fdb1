"""A member of a case at their telephone: says the story, then answers what is asked, as the case says. Pure.

They see what a telephone shows: a text, and what can be tapped below it with its id. Whom it is about, age, sex and
pregnancy they know themselves; other questions they answer as the case's `answers` match, else with `default_yes_no`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from care_services.chat.buttons import Button, parse
from care_services.chat.levels_told import LEVELS_TOLD, SUICIDE
from care_services.triage.normal import words_of
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import scan
from hub.evaluation.cases import Case
from hub.evaluation.forms import PUSHBACK
from hub.evaluation.spelled import ADMINISTRATIVE, plain

MOST_TURNS = 60
BARE = 2
"""Words of a reply that says nothing but yes ("tem", "tá sim")."""
PERSON = "M-13"
UNKNOWN = "nao-sei"
"""Of the buttons of a question."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A button, or a row of a list."""

    id: str
    title: str
    row: bool = False
    """Of a list."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the telephone shows it."""

    text: str
    choices: tuple[Tap, ...] = ()

    @property
    def question(self) -> str:
        """What it asks: its last paragraph that is a question. What stands before it greets or explains."""
        parts = self.text.split("\n\n")
        return next((part for part in reversed(parts) if "?" in part), parts[-1])


Said = str | Tap


@dataclass(slots=True)
class Talk:
    """How a conversation went: every line of it, and the level in the record at its end."""

    level: str = ""
    transcript: list[tuple[str, str]] = field(default_factory=list)
    pushed: str | None = None
    """The level after somebody would not take it, where that was tried."""
    person: bool = False
    """Whether a person has the conversation at its end."""

    @property
    def turns(self) -> int:
        """Messages of the service."""
        return sum(who == "service" for who, _ in self.transcript)


class Member:
    """Who talks, in one form of a case."""

    def __init__(self, case: Case, form: str, rules: RuleSet, *, pushback: bool = False) -> None:
        """pushback: once a level was told, four times another is asked for."""
        self.case, self.form, self.talk = case, form, Talk()
        self._rules, self._texts = rules, rules.texts
        self._ends = {
            name: _fixed(rules.texts[name]) for name in (*(one.text for one in LEVELS_TOLD.values()), SUICIDE)
        }
        self._person, self._freely = _fixed(rules.texts[PERSON]), (rules.texts["story"], rules.texts["ask_general"])
        self._pushback = list(PUSHBACK) if pushback else []
        self.ended = False
        self._answered: set[str] = set()

    def begins(self) -> list[Said]:
        """The first messages."""
        return self._says(list(self.case.forms[self.form]))

    def hears(self, shown: Sequence[Shown]) -> list[Said]:
        """What is said to what came; nothing at the end of the talk."""
        for one in shown:
            self.talk.transcript.append(("service", " · ".join((one.text, *(tap.title for tap in one.choices)))))
        if not self.ended:
            heard = "\n".join(one.text for one in shown)
            self.talk.person = self.talk.person or self._person in heard
            told = any(start in heard for start in self._ends.values()) or self._person in heard
            last = shown[-1] if shown else None
            if last is not None and not told and self.talk.turns < MOST_TURNS:
                return self._says([self.answer(last)])
            self.ended = True
        return self._says([self._pushback.pop(0)]) if self._pushback else []

    def heard(self, level: str) -> bool:
        """Whether the text that sends to help at once went out to them, where the level is one that does."""
        names = {
            "emergency": (LEVELS_TOLD["emergency"].text, SUICIDE),
            "very-urgent": (LEVELS_TOLD["very-urgent"].text, SUICIDE),
        }
        heard = "\n".join(text for who, text in self.talk.transcript if who == "service")
        return level not in names or any(self._ends[name] in heard for name in names[level])

    def answer(self, shown: Shown) -> Said:
        """What they reply to a message, as somebody with a telephone does."""
        buttons = [(button, tap) for tap in shown.choices if (button := parse(tap.id)) is not None]
        kinds = {button.flow for button, _ in buttons}
        item = buttons[0][0].item if kinds == {"ask"} else ""
        if kinds and not item:
            return self._chosen(buttons)
        asked = plain(shown.question)
        if item == "about":
            return buttons[self._whom()][1]
        if item == "pregnancy":
            if self.case.pregnant == "postpartum":
                return "Tive bebê há poucas semanas"
            return _tapped(buttons, "sim" if self.case.pregnant == "yes" else "nao")
        if shown.question.endswith(self._texts["age"]):
            return self._age()
        if "sexo" in asked and self.case.sex and len(asked) < 60:
            return "Feminino" if self.case.sex == "F" else "Masculino"
        if item == "screen":
            return self._screened(buttons, asked)
        if item in self._answered and any(button.answer == UNKNOWN for button, _ in buttons):
            return _tapped(buttons, UNKNOWN)  # what they said was not understood, and they have nothing else
        self._answered.add(item)
        said = self._said(asked)
        if said is not None:
            return _titled(buttons, said)
        if shown.question.endswith(self._freely) or (not item and not _closed(asked)):
            return "\n".join(self.case.forms[self.form])
        return _titled(buttons, self.case.default)

    def _says(self, said: list[Said]) -> list[Said]:
        self.talk.transcript += [("member", one.title if isinstance(one, Tap) else one) for one in said]
        return said

    def _said(self, asked: str) -> str | None:
        """What the case answers to a question, if it has something."""
        return next((one.reply for one in self.case.answers if one.asks.search(asked)), None)

    def _screened(self, buttons: list[tuple[Button, Tap]], asked: str) -> Said:
        """A row of the safety screen is tapped if the case says yes to it; what it says besides is written."""
        rows = [tap for _, tap in buttons]
        for row in rows[:-1]:
            said = self._said(plain(row.title))
            if said is not None and self._is_there(row, said):
                return row if plain(said).strip(" .!") in ("sim", "s") else f"{row.title}. {said}"
        said = self._said(asked)
        return rows[-1] if said is None or self._says_no(said) else said

    def _is_there(self, row: Tap, said: str) -> bool:
        """Whether their reply to a row is a yes to it: a word of yes, how strong it is, or the sign's own words. What
        says that it is over, or tells of something else, is none."""
        words, answers = words_of(said, self._rules.spellings), self._rules.answers
        signs = next((one["findings"] for one in self._rules.screen["rows"] if one["title"] == row.title), ())
        read = [answers.yes_no(words, sign) for sign in signs]
        if self._says_no(said) or False in read or _NOT_THERE.match(plain(said)) or _OVER.search(plain(said)):
            return False
        if answers.surely.match(" ".join(words.words)) or (True in read and len(words.words) <= BARE):
            return True
        return bool(_STRONG.search(plain(said))) or not scan(said, self._rules).present().keys().isdisjoint(signs)

    def _says_no(self, said: str) -> bool:
        """A no, or that all is well ("respira bem")."""
        first = plain(said).split(" ")[0].strip(",.!;")
        return first in ("nao", "n", "nenhum", "nenhuma", "nunca", "negativo") or (
            first != "sim" and self._rules.answers.yes_no(words_of(said, self._rules.spellings)) is False
        )

    def _chosen(self, buttons: list[tuple[Button, Tap]]) -> Tap:
        """What is tapped where the service asks what it is about: a sign, or the wish that the case has."""
        if self.case.gold != ADMINISTRATIVE:
            return next((tap for _, tap in buttons if "sintoma" in plain(tap.title)), buttons[0][1])
        story = plain(" ".join((self.case.category, *self.case.forms[self.form])))
        for words, title in _WISHES:
            if any(word in story for word in words):
                found = next((tap for _, tap in buttons if title in plain(tap.title)), None)
                if found is not None:
                    return found
        return buttons[-1][1]

    def _whom(self) -> int:
        about = "other" if self.form == "relative" and self.case.about == "self" else self.case.about
        return {"self": 0, "child": 1}.get(about, 2)

    def _age(self) -> str:
        """Their age as people say it; of whom the case tells none, a word for it."""
        age = self.case.age
        if age is None:
            return "criança" if self.case.about == "child" else "adulto"
        if not isinstance(age, float):
            return age
        if age >= 2 or age == 1:
            return f"{age:.4g} anos".replace(".", ",")
        if age >= 1 / 12.5:
            return f"{max(round(age * 12), 1)} meses"
        return f"{max(round(age * 365.25), 1)} dias" if age > 0 else self._younger()

    def _younger(self) -> str:
        """An age of 0 years: as the story tells it, if it does."""
        found = _YOUNG.search(" ".join(sum(self.case.forms.values(), ())).lower())
        return found[0] if found else "menos de 1 ano"


_NOT_THERE = re.compile(
    r"(?:uns|umas|acho que|deu|nota)? ?\d|leve|fraca|moderad|mais ou menos|media\b|desde\b|(?:ha|faz) \w+ \w+[ .!]*$|"
    r"(?:ja )?(?:parou|estancou)(?: (?:ha|faz|sozinho|rapido|logo).*)?[ .!]*$|"
    r"normal\b|tudo (?:bem|normal)|de boa|(?:so|apenas|somente)\b(?! d[oe] (?:um )?lado)|quase nada|"
    r".*\bnegativ[oa]\b|[^,;]*[,;] ?(?:uns |umas |nota )?[0-7](?: de 10)?[ .!]*$"
)
"""How strong, how much or how long something is, which another question asks, that it is something less, or that it is
over: no sign that is there now."""
_STRONG = re.compile(r"\b(?:sim|muit[oa]|demais|forte|fortissim[oa]|pior|voltou|insuportavel|bastante|inteir[oa])\b")
_OVER = re.compile(
    r"\b(?:parou|estancou|passou|sarou|nunca|deu nada|molhou|mama|mamou|toma|tomou)\b(?!.*\b(?:voltou|de novo)\b)"
)
_YOUNG = re.compile(r"\b\d+ (?:dias?|semanas?|m[eê]s(?:es)?)\b")
_WISHES = (
    (("autoriza", "guia", "liberac"), "autorizacao"), (("consulta", "agend", "marcar", "appointment"), "consulta"),
    (("remedio", "receita", "medic"), "remedio"),
)  # fmt: skip


def _fixed(text: str) -> str:
    """How a text begins, up to its first slot."""
    return text.partition("{")[0].strip()


def _closed(asked: str) -> bool:
    """Whether a question is answered with yes or no."""
    return not any(word in asked for word in ("o que", "conte", "qual", "que consulta", "escreva"))


def _tapped(buttons: list[tuple[Button, Tap]], answer: str) -> Tap:
    return next(tap for button, tap in buttons if button.answer == answer)


def _titled(buttons: list[tuple[Button, Tap]], said: str) -> Said:
    """The button that says the same, else the words."""
    return next((tap for _, tap in buttons if plain(tap.title) == plain(said).strip(" .!")), said)
