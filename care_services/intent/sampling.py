"""Texts as members might write them, made of the grammar: what the classifier learns from. The same each time."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

GRAMMAR = Path(__file__).parent / "grammar.toml"
VOCABULARY = Path(__file__).parents[1] / "entities" / "vocabulary.toml"
SEED = 20261
SHORT = frozenset({"greeting", "thanks"})
"""Intents that courtesies are, and are not beside."""
_SLOT = re.compile(r"\{(\w+)\}")


def samples(each: int) -> Iterator[tuple[str, str]]:
    """Text and intent, as many of each intent."""
    slots = {name: list(said) for name, said in _slots().items()}
    for kind, names in tomllib.loads(VOCABULARY.read_text(encoding="utf-8")).items():
        forms = [form for name in names.values() for form in name if not form.endswith("*") and len(form) > 2]
        slots[kind] = [*slots[kind] * 3, *forms] if kind in slots else forms
    chance = random.Random(SEED)
    for intent, templates in _grammar()["templates"].items():
        lines = templates.strip().splitlines()
        for at in range(each):
            text = _SLOT.sub(lambda slot: chance.choice(slots[slot[1]]), lines[at % len(lines)])
            yield varied(text, chance, short=intent in SHORT), intent


def varied(text: str, chance: random.Random, short: bool = False) -> str:
    """The text with courtesies, asides, words left out and slips of typing; nothing is added to a short one."""
    if not short:
        slots = _slots()
        if chance.random() < 0.35:
            text = f"{chance.choice(slots['before'])}{chance.choice((' ', ', ', '. '))}{text}"
        if chance.random() < 0.12:
            text = f"{chance.choice(slots['aside'])}{chance.choice((', ', '. ', ' e '))}{text}"
        if chance.random() < 0.12:
            text = f"{text}{chance.choice((', ', '. ', ' '))}{chance.choice(slots['aside'])}"
        if chance.random() < 0.25:
            text = f"{text}{chance.choice((' ', ', ', '. '))}{chance.choice(slots['after'])}"
    words = text.split(" ")
    if len(words) > 3 and chance.random() < 0.3:
        del words[chance.randrange(len(words))]
    return " ".join(_slip(word, chance) if len(word) > 3 and chance.random() < 0.04 else word for word in words)


@cache
def _grammar() -> dict[str, dict[str, str]]:
    return tomllib.loads(GRAMMAR.read_text(encoding="utf-8"))


@cache
def _slots() -> Mapping[str, list[str]]:
    return {name: said.split("|") for name, said in _grammar()["slots"].items()}


def _slip(word: str, chance: random.Random) -> str:
    """One letter left out, doubled, or swapped with the next."""
    at = chance.randrange(len(word) - 1)
    return chance.choice(
        (word[:at] + word[at + 1 :], word[:at] + word[at] * 2 + word[at + 1 :],
         word[:at] + word[at + 1] + word[at] + word[at + 2 :])
    )  # fmt: skip
