"""What a member wants: a classifier that has learnt from the grammar beside it, in numpy alone. It never decides about
emergencies; rules do. Section 3 of the contract, intents."""

from __future__ import annotations

import random
import re
import tomllib
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from care_services.triage.assessment import assess
from care_services.triage.normal import words_of
from care_services.triage.rule_set import rules
from care_services.triage.scanner import scan

EMERGENCY = "emergency_situation"
SIZE = 1 << 14
SAMPLES = 400
ROUNDS = 14
_SLOT = re.compile(r"\{(\w+)\}")


Array = np.ndarray[Any, Any]


class Model:
    """The weights, and what each column of them stands for."""

    def __init__(self, intents: tuple[str, ...], weights: Array) -> None:
        self.intents, self._weights = intents, weights

    def probabilities(self, text: str) -> dict[str, float]:
        """Intent -> how likely it is; they add up to one."""
        scores = self._weights[features(text)].sum(axis=0)
        odds = np.exp(scores - scores.max())
        return dict(zip(self.intents, (odds / odds.sum()).tolist(), strict=True))

    def intent(self, text: str) -> str:
        """The likeliest intent."""
        found = self.probabilities(text)
        return max(found, key=found.__getitem__)


@cache
def model() -> Model:
    """The classifier, trained from the grammar when it is first asked for; the same each time."""
    grammar = tomllib.loads((Path(__file__).parent / "grammar.toml").read_text())
    chance = random.Random(20261)
    intents = tuple(grammar["templates"])
    texts = [(said, at) for at, intent in enumerate(intents) for said in _said(grammar, intent, chance)]
    chance.shuffle(texts)
    rows = [(features(text), at) for text, at in texts]
    weights = np.zeros((SIZE, len(intents)))
    squares = np.full((SIZE, 1), 1e-6)
    for _ in range(ROUNDS):
        for columns, at in rows:
            scores = weights[columns].sum(axis=0)
            odds = np.exp(scores - scores.max())
            error = odds / odds.sum()
            error[at] -= 1
            squares[columns] += (error**2).sum()
            weights[columns] -= 0.3 * error / np.sqrt(squares[columns]) / np.sqrt(len(columns))
    return Model(intents, weights)


def intent_of(text: str) -> str:
    """What a member wants. An emergency is what the rules of triage say is one, and comes before everything."""
    heard = scan(text, rules())
    return EMERGENCY if assess(heard.present(), heard.facts, rules()).stops else model().intent(text)


def features(text: str) -> Array:
    """Columns of a text: its words, pairs of words, and pieces of words, hashed."""
    words = words_of(text, rules().spellings).words
    found = {"^"}
    for word in words:
        found.add(word)
        found.update(f"<{word}>"[at : at + 4] for at in range(len(word) - 1))
    found.update(f"{one} {other}" for one, other in pairwise(words))
    return np.array(sorted({zlib.crc32(one.encode()) % SIZE for one in found}))


def _said(grammar: dict[str, dict[str, list[str]]], intent: str, chance: random.Random) -> Iterator[str]:
    for at in range(SAMPLES):
        templates = grammar["templates"][intent]
        yield _SLOT.sub(lambda slot: chance.choice(grammar["slots"][slot[1]]), templates[at % len(templates)])
