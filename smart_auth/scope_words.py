"""Each scope in words, for the person who is to grant it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smart_auth.scopes import Scope, Scopes
from smart_auth.words import TYPES, WORDS

NOT_ASKED = ("launch",)
"""Scopes that a choice on the same page stands for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the consent page."""

    index: int
    """Among `lines(scopes)`: what the form sends back."""
    level: str
    """patient, user, or more."""
    words: str
    detail: str
    """What a condition or a wildcard adds; may be empty."""
    scope: str


def items(scopes: Scopes, language: str) -> list[Item]:
    """All that is asked for, in words."""
    words = WORDS[language]
    found = [
        Item(index, one.level, _resource(one, language), _detail(one, words), str(one))
        for index, one in enumerate(scopes.resources)
    ]
    after = len(found)
    for place, text in enumerate(scopes.others):
        if not text.startswith(NOT_ASKED):
            found.append(Item(after + place, "more", words[text], "", text))
    return found


def chosen(scopes: Scopes, ticked: Sequence[str]) -> Scopes | None:
    """What was ticked of what was shown, with what needs no tick; None where something else was sent."""
    most = len(scopes.resources) + len(scopes.others)
    if not all(one.isascii() and one.isdigit() and len(one) < 6 and int(one) < most for one in ticked):
        return None
    kept = {int(one) for one in ticked}
    resources = tuple(one for index, one in enumerate(scopes.resources) if index in kept)
    after = len(scopes.resources)
    others = tuple(one for index, one in enumerate(scopes.others) if after + index in kept or one.startswith(NOT_ASKED))
    return Scopes(resources, others)


def _resource(scope: Scope, language: str) -> str:
    words = WORDS[language]
    pair = TYPES.get(scope.type)
    kind = words["all_types"] if scope.type == "*" else pair[language == "en"] if pair else scope.type
    can = ", ".join(words[f"can_{one}"] for one in scope.permissions)
    return f"{kind[:1].upper()}{kind[1:]}: {can}"


def _detail(scope: Scope, words: Mapping[str, str]) -> str:
    parts = [words["and_later"]] if scope.type == "*" else []
    if scope.condition:
        parts.append(f"{words['only_where']} {', '.join(f'{name} = {value}' for name, value in scope.condition)}")
    return "; ".join(parts)
