"""How everyday a story sounds: words and pairs of words, each with a weight that `scripts/train_everyday.py` has learnt
from judged cases. Where a story sounds everyday, patterns that everyday stories fit too only point to a sign, so the
sign is asked (`doubt.py`); where it sounds grave, it is so at the end of all questions too (`interview.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt


@dataclass(frozen=True, slots=True)
class Everyday:
    """What words weigh: above 0 as in emergencies, below 0 as in everyday stories."""

    weights: Mapping[str, float]
    below: float
    """The score below which a story sounds everyday."""
    above: float
    """The score above which it sounds grave."""
    learnt: Mapping[str, str]
    """Sets of cases that the weights were learnt from, each with the digest of what it held then."""

    def score(self, words: Sequence[str]) -> float:
        """How grave a story sounds; a word that is not known says nothing. Without words: as grave as can be."""
        seen = features(words)
        return sum(self.weights.get(one, 0) for one in seen) / sqrt(len(seen)) if seen else inf

    def sounds_everyday(self, words: Sequence[str]) -> bool:
        """Whether a story in these words sounds everyday."""
        return self.score(words) < self.below

    def sounds_grave(self, words: Sequence[str]) -> bool:
        """Whether it sounds as emergencies do and hardly anything else."""
        return inf > self.score(words) > self.above


def features(words: Sequence[str]) -> set[str]:
    """What is weighed of a text: its words, and each two that follow one another; a number is any number."""
    said = ["0" if word[0].isdigit() else word for word in words]
    return {*said, *(f"{one} {other}" for one, other in pairwise(said))}


def weights(lines: Iterable[str], scale: float) -> dict[str, float]:
    """The weights as they are kept, one a line: "-31 nao tenho". Raises ValueError for a line that is none."""
    return {feature: int(weight) * scale for weight, feature in (line.split(" ", 1) for line in lines)}
