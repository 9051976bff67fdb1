"""What a member wants: a classifier, in numpy alone, that has learnt from the grammar and the examples beside it
(`scripts/train_intent.py`). It never decides about emergencies; rules do. Section 3 of the contract, intents."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from care_services.intent.features import features, number
from care_services.triage.doubt import alone
from care_services.triage.rule_set import rules

EMERGENCY = "emergency_situation"
HERE = Path(__file__).parent
WEIGHTS = HERE / "weights.npz"
WORDS = HERE / "words.npz"
"""What words are like; only learning reads it."""
LEARNT_FROM = (HERE / "grammar.toml", HERE / "examples.jsonl", HERE.parent / "entities" / "vocabulary.toml", WORDS)


Array = np.ndarray[Any, Any]


class Model:
    """The weights: a row for each feature, by its number, and a column for each intent."""

    def __init__(self, intents: tuple[str, ...], numbers: Array, weights: Array, scale: float) -> None:
        """numbers: of the features, ascending. scale: what one in `weights` stands for."""
        self.intents, self._numbers, self._weights, self._scale = intents, numbers, weights, scale

    def probabilities(self, text: str) -> dict[str, float]:
        """Intent -> how likely it is; they add up to one."""
        asked = np.array([number(one) for one in features(text)], np.uint32)
        at = np.minimum(np.searchsorted(self._numbers, asked), len(self._numbers) - 1)
        known = at[self._numbers[at] == asked]
        scores = self._weights[known].sum(axis=0, dtype=np.int32) * (self._scale / len(asked) ** 0.5)
        odds = np.exp(scores - scores.max())
        return dict(zip(self.intents, (odds / odds.sum()).tolist(), strict=True))

    def intent(self, text: str) -> str:
        """The likeliest intent."""
        found = self.probabilities(text)
        return max(found, key=found.__getitem__)


@cache
def model() -> Model:
    """The classifier, read when it is first asked for."""
    with np.load(WEIGHTS) as kept:
        intents = tuple(kept["intents"].tolist())
        return Model(intents, kept["numbers"], kept["weights"], float(kept["scale"]))


def digest() -> str:
    """Of what the classifier learns from, and of how it sees: weights that carry another one are stale."""
    seen = " ".join(one for one in features("Oi, quero autorizar 1 ressonância?") if one[0] != "@")
    return hashlib.sha256(b"\0".join([seen.encode(), *(path.read_bytes() for path in LEARNT_FROM)])).hexdigest()


def intent_of(text: str) -> str:
    """What a member wants. An emergency is what the rules of triage say is one, and comes before everything."""
    return EMERGENCY if alone(text, rules()).stops else model().intent(text)
