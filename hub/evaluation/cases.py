"""Cases of whole conversations: one JSON object a line, as issue authors and clinicians write them. A fault in a line
is told with the line and the member; nothing is skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from care_services.triage.levels import LEVELS

FORMS = ("opening", "messy", "hard")
GOLD = (*LEVELS, "administrative")
_NAMES = {
    "none": "administrative", "admin": "administrative", "red": "emergency", "orange": "very-urgent",
    "yellow": "urgent",
    "green": "less-urgent", "blue": "non-urgent", "non-clinical": "administrative", "very_urgent": "very-urgent",
    "less_urgent": "less-urgent", "non_urgent": "non-urgent",
}  # fmt: skip


class BadCase(ValueError):
    """A line that is no case; the text names file, line, member and reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `forms`: the same story told in several ways, each a list of messages sent one after the other."""

    id: str
    gold: str
    category: str
    about: str
    age: Any
    sex: str | None
    pregnant: bool | None
    forms: dict[str, tuple[str, ...]]
    answers: tuple[tuple[re.Pattern[str], str], ...]
    default: str


def read_cases(path: Path) -> list[Case]:
    """The cases of a file. Raises BadCase, and OSError where the file cannot be read."""
    found = list(_cases(path))
    if not found:
        raise BadCase(f"{path.name}: holds no case")
    return found


def _cases(path: Path) -> Iterator[Case]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                yield _case(orjson.loads(line))
            except (KeyError, TypeError, ValueError, re.error) as error:
                reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise BadCase(f"{path.name} line {number}: {reason}") from error


def _case(line: dict[str, Any]) -> Case:
    gold = _NAMES.get(line["gold_level"], line["gold_level"])
    if gold not in GOLD:
        raise ValueError(f"gold_level: {gold!r} is none of {', '.join(GOLD)}")
    forms = {form: _messages(line[form], form) for form in FORMS if line.get(form)}
    if not forms:
        raise ValueError("opening is missing")
    return Case(
        id=str(line["id"]), gold=gold, category=str(line.get("category", "")), about=line.get("about", "self"),
        age=line.get("age"), sex=line.get("sex"), pregnant=line.get("pregnant"), forms=forms,
        answers=tuple((re.compile(one["asks"]), str(one["reply"])) for one in line.get("answers") or ()),
        default=line.get("default_yes_no") or "Não",
    )  # fmt: skip


def _messages(told: Any, form: str) -> tuple[str, ...]:
    messages = (told,) if isinstance(told, str) else tuple(told)
    if not all(isinstance(message, str) for message in messages):
        raise ValueError(f"{form}: messages are texts")
    return messages
