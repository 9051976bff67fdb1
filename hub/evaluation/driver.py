"""A member who talks to the service: says the story of a case, then answers what is asked as the case says. The
service is whatever keeps a conversation, today the interview itself (`service.py`), later receiver, conversation
engine and store."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Protocol

from hub.evaluation.cases import Case

MOST_TURNS = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the member sees it, and what it is about where it is one of the four that a case answers itself:
    about, age, sex, pregnancy."""

    text: str
    rows: tuple[str, ...] = ()
    topic: str = ""


class Service(Protocol):
    """One conversation."""

    @property
    def level(self) -> str:
        """What the member has been told, or would be told now."""

    def says(self, messages: list[str]) -> Asked | None:
        """Takes what the member sent together; the next question, or None at the end."""


@dataclass(slots=True)
class Talk:
    """How a conversation went: the level it ended at and every line of it."""

    level: str
    transcript: list[tuple[str, str]] = field(default_factory=list)


def talk(case: Case, form: str, service: Service) -> Talk:
    """Runs one form of a case to its end."""
    result = Talk("")
    messages = list(case.forms[form])
    for _ in range(MOST_TURNS):
        result.transcript += [("member", message) for message in messages]
        asked = service.says(messages)
        if asked is None:
            break
        result.transcript.append(("service", " · ".join((asked.text, *asked.rows))))
        messages = [reply(case, asked)]
    result.level = service.level
    return result


def reply(case: Case, asked: Asked) -> str:
    """What the member of the case answers. A list is answered by tapping the row that the case says yes to."""
    own = _own(case, asked)
    if own is not None:
        return own
    if asked.rows:
        taps = []
        for row in asked.rows:
            said = next((said for pattern, said in case.answers if pattern.search(plain(row))), None)
            if said is not None and not _says_no(said):
                taps.append(row if plain(said) in ("sim", "s") else f"{row}. {said}")
        if taps:
            return "\n".join(taps)
    text = plain(asked.text)
    said = next((said for pattern, said in case.answers if pattern.search(text)), None)
    if said is not None:
        return said
    return asked.rows[-1] if asked.rows and _says_no(case.default) else case.default


def _own(case: Case, asked: Asked) -> str | None:
    if asked.topic == "about":
        return asked.rows[{"self": 0, "child": 1}.get(case.about, 2)]
    if asked.topic == "age" and case.age is not None:
        return _age(case.age)
    if asked.topic == "sex" and case.sex:
        return {"F": "Feminino", "M": "Masculino"}.get(case.sex, case.sex)
    if asked.topic == "pregnancy":
        return "Sim" if case.pregnant else "Não"
    return None


def _age(age: object) -> str:
    if not isinstance(age, (int, float)):
        return str(age)
    if age >= 2 or age == 1:
        return f"{age:g} anos".replace(".", ",")
    return f"{round(age * 12)} meses" if age >= 1 / 12 else f"{round(age * 365)} dias" if age > 0 else "menos de 1 ano"


def _says_no(said: str) -> bool:
    return plain(said).split(" ")[0].strip(",.!") in ("nao", "n", "nenhum", "nunca", "negativo")


def plain(text: str) -> str:
    """Lower case without accents, as the patterns of cases are written."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
