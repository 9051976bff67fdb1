"""Cases of whole conversations: one JSON object a line, as authors of issues and clinicians write them.

What people write in different ways is read in all of them (`spelled.py`): levels, whom it is about, ages, lists that
are one text. A line that is no case is told with file, line, member and reason, and takes none of the others with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from hub.evaluation import spelled

Json = Any

FORMS = ("opening", "messy", "hard")
"""Of the file. What `forms.py` makes of a case comes beside them."""


class BadCase(ValueError):
    """A line that is no case; the text names file, line, member and reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the member says where a question, or a row of a list, matches."""

    asks: re.Pattern[str]
    reply: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `forms`: the same story told in several ways, each a list of messages sent one after the other."""

    id: str
    gold: str
    category: str
    about: str
    """self, child or other."""
    age: float | str | None
    """In years; or as it is written, where that is no number."""
    sex: str | None
    """F or M."""
    pregnant: str | None
    """yes, no or postpartum."""
    forms: dict[str, tuple[str, ...]]
    answers: tuple[Answer, ...]
    default: str
    nurse: str | None = None
    """The level a nurse gave, where the case has one."""
    region: str = ""
    notes: str = field(default="", compare=False)


def read_cases(path: Path) -> tuple[list[Case], list[BadCase]]:
    """The cases of a file, and the lines that are none. Raises OSError, and BadCase: it holds no case at all."""
    cases: list[Case] = []
    faults: list[BadCase] = []
    for where, raw in _objects(path):
        try:
            cases.append(_case(raw() if callable(raw) else raw))
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            faults.append(BadCase(f"{path.name} {where}: {reason}"))
    if not cases:
        raise faults[0] if faults else BadCase(f"{path.name}: holds no case")
    return cases, faults


def _objects(path: Path) -> Iterator[tuple[str, Any]]:
    """Each object with where it stands; those of lines are still to be parsed. One array of all is read too."""
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"[":
        try:
            yield from ((f"item {number}", one) for number, one in enumerate(orjson.loads(text), 1))
        except ValueError as error:
            raise BadCase(f"{path.name}: {error}") from error
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"line {number}", lambda line=line: orjson.loads(line)


def _case(line: Json) -> Case:
    if not isinstance(line, dict):
        raise ValueError("is no object")
    forms = {form: _messages(line[form], form) for form in FORMS if line.get(form)}
    forms = {form: messages for form, messages in forms.items() if messages}
    if not forms:
        raise ValueError("opening: there is no message")
    category = str(line.get("category") or "")
    nurse = line.get("nurse_level")
    return Case(
        id=str(line["id"]), gold=spelled.level(line["gold_level"], "gold_level"), category=category,
        about=spelled.about(line.get("about")), age=spelled.age(line.get("age")), sex=spelled.sex(line.get("sex")),
        pregnant=spelled.pregnant(line.get("pregnant")), forms=forms, answers=_answers(line.get("answers")),
        default=spelled.reply(line.get("default_yes_no")) or "Não",
        nurse=None if nurse is None else spelled.level(nurse, "nurse_level"), region=str(line.get("region") or ""),
        notes=str(line.get("notes") or ""),
    )  # fmt: skip


def _messages(told: Json, form: str) -> tuple[str, ...]:
    """The messages of a form: a text, or several, each alone or as {"text": ...}."""
    items = told if isinstance(told, list) else [told]
    texts: list[str] = []
    for one in items:
        text = one.get("text") if isinstance(one, dict) else one
        if not isinstance(text, str):
            raise ValueError(f"{form}: messages are texts")
        texts += [text] if text.strip() else []
    return tuple(texts)


def _answers(told: Json) -> tuple[Answer, ...]:
    """Of a list of {"asks", "reply"}, of pairs, or an object from the one to the other."""
    if told is None:
        return ()
    pairs: Sequence[Any] = list(told.items()) if isinstance(told, dict) else told
    if not isinstance(pairs, list):
        raise ValueError("answers: is no list")
    found = []
    for one in pairs:
        try:
            asks, reply = (one["asks"], one.get("reply")) if isinstance(one, dict) else one
        except (KeyError, TypeError, ValueError):
            raise ValueError("answers: an answer has asks and reply") from None
        if not isinstance(asks, str):
            raise ValueError("answers: asks is a text")
        found.append(Answer(_pattern(asks), spelled.reply(reply) or "Não sei"))
    return tuple(found)


def _pattern(asks: str) -> re.Pattern[str]:
    """As it is looked for in a question without accents. What is no pattern is looked for as it stands."""
    asks = spelled.without_accents(asks)
    try:
        return re.compile(asks, re.IGNORECASE)
    except re.error:
        return re.compile(re.escape(asks), re.IGNORECASE)
