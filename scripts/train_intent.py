"""Writes care_services/intent/weights.npz: what the classifier has learnt from its grammar and examples. Run it when
one of them or the vocabulary of the entities has changed; the same each time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix, hstack

from care_services.intent.examples import examples
from care_services.intent.features import features, number
from care_services.intent.model import WEIGHTS, WORDS, digest
from care_services.intent.sampling import samples, varied

Array = np.ndarray[Any, Any]
EACH = 1200
"""Samples of each intent; decisions/intent-classifier.md tells what others came to."""
TIMES = 6
"""Each example counts so often, varied but for the first; less often where an intent has many."""
LEAST = 3
"""Texts that have a feature, below which it is left out."""
REGULAR = 3e-6
BAYES = 0.3
"""How much naive Bayes counts, beside what the regression found: it believes a feature that few texts have, where the
regression has long explained them by others."""
UNSEEN = 0.5
"""Texts of each intent that a feature counts as seen in, beyond those it was."""
FOLDS, ROUNDS = 3, 60
LIKENESS = 0.6
"""How much what a word is like counts, beside the word itself."""


class Alike:
    """What words are like (`scripts/word_vectors.py`): a vector each, of length LIKENESS."""

    def __init__(self) -> None:
        with np.load(WORDS) as kept:
            self.words: list[str] = kept["words"].item().split("\n")
            self.vectors: Array = kept["vectors"] * (LIKENESS / 127)
        self._at = {f"={word}": at for at, word in enumerate(self.words)}

    def rows(self, found: Sequence[list[str]]) -> Any:
        """For each text the sum of its words' vectors, as heavy as its features are."""
        known = [[self._at[name] for name in names if name in self._at] for names in found]
        sums = [self.vectors[at].sum(axis=0) / len(names) ** 0.5 for names, at in zip(found, known, strict=True)]
        return csr_matrix(np.vstack(sums))


class Learnt:
    """Features, intents, and the weights between them; the last of them are of what words are like."""

    def __init__(self, texts: Sequence[tuple[list[str], str]], alike: Alike) -> None:
        self._alike = alike
        counted = Counter(name for found, _ in texts for name in found)
        self.columns = {name: at for at, name in enumerate(sorted(n for n, count in counted.items() if count >= LEAST))}
        self.intents = sorted({intent for _, intent in texts})
        rows, gold = self.rows([found for found, _ in texts]), np.array([self.intents.index(one) for _, one in texts])
        each = 1 / np.bincount(gold)[gold] / len(self.intents)
        shape = (rows.shape[1], len(self.intents))

        def loss(flat: Array) -> tuple[float, Array]:
            weights = flat.reshape(shape)
            logs = log_softmax(rows @ weights)
            off = np.exp(logs)
            off[np.arange(len(gold)), gold] -= 1
            slope = rows.T @ (off * each[:, None]) + REGULAR * weights
            own = -(each * logs[np.arange(len(gold)), gold]).sum() + REGULAR * (flat @ flat) / 2
            return float(own), slope.ravel()

        found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS})
        self.weights: Array = found.x.reshape(shape)
        seen = (rows[:, : len(self.columns)] != 0).astype(float).T @ np.eye(len(self.intents))[gold] + UNSEEN
        likely = np.log(seen / seen.sum(axis=0))
        self.weights[: len(self.columns)] += BAYES * (likely - likely.mean(axis=1, keepdims=True))

    def rows(self, found: Sequence[list[str]]) -> Any:
        """A row for each text; features that are not known make the others count less."""
        at = [[self.columns[name] for name in names if name in self.columns] for names in found]
        values = [len(names) ** -0.5 for names, known in zip(found, at, strict=True) for _ in known]
        lines = [line for line, known in enumerate(at) for _ in known]
        columns = [one for known in at for one in known]
        named = csr_matrix((values, (lines, columns)), (len(found), len(self.columns)))
        return hstack([named, self._alike.rows(found)]).tocsr()

    def of_features(self) -> dict[str, Array]:
        """The weights of each feature: what a word is like is part of the word's own, also where no text has it."""
        by_name = dict(zip(self.columns, self.weights[: len(self.columns)], strict=True))
        likely = self._alike.vectors @ self.weights[len(self.columns) :]
        for word, weights in zip(self._alike.words, likely, strict=True):
            by_name[f"={word}"] = weights + by_name.get(f"={word}", 0)
        return by_name


def log_softmax(scores: Array) -> Array:
    """The logarithms of the probabilities of each row."""
    scores = scores - scores.max(axis=1, keepdims=True)
    logs: Array = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return logs


def main() -> None:
    told, alike = list(examples()), Alike()
    made = [(features(text), intent) for text, intent in samples(EACH)]
    chance = random.Random(7)
    folds = [chance.randrange(FOLDS) for _ in told]
    scores, gold = [], []
    for fold in range(FOLDS):  # how sure it may be is measured on examples it has not seen
        learnt = Learnt([*made, *_varied([one for one, at in zip(told, folds, strict=True) if at != fold])], alike)
        kept = [one for one, at in zip(told, folds, strict=True) if at == fold]
        scores.append(learnt.rows([features(text) for text, _ in kept]) @ learnt.weights)
        gold += [learnt.intents.index(intent) for _, intent in kept]
    unseen, right = np.vstack(scores), np.array(gold)
    print(f"unseen examples: {(unseen.argmax(axis=1) == right).mean():.3f} right of {len(right)}")

    each = 1 / np.bincount(right)[right] / len(learnt.intents)

    def surprise(heat: float) -> float:
        return float(-(each * log_softmax(unseen / heat)[np.arange(len(right)), right]).sum())

    heat = minimize_scalar(surprise, bounds=(0.2, 5), method="bounded").x
    of_features = Learnt([*made, *_varied(told)], alike).of_features()
    weights = np.vstack(list(of_features.values())) / heat
    scale = np.abs(weights).max() / 127
    weights = np.round(weights / scale).astype(np.int8)
    numbers = np.array([number(name) for name in of_features], np.uint32)
    order = np.argsort(numbers, kind="stable")
    order = order[weights[order].any(axis=1)]
    np.savez_compressed(
        WEIGHTS, numbers=numbers[order], weights=weights[order], scale=scale,
        intents=np.array(learnt.intents), digest=np.array(digest()),
    )  # fmt: skip
    print(f"{len(order)} features, temperature {heat:.2f}, {WEIGHTS.stat().st_size} bytes")


def _varied(told: list[tuple[str, str]]) -> list[tuple[list[str], str]]:
    chance = random.Random(11)
    many = Counter(intent for _, intent in told)
    return [
        (features(text if time == 0 else varied(text, chance, len(text) < 25)), intent)
        for text, intent in told
        for time in range(max(1, min(TIMES, EACH // many[intent])))
    ]


if __name__ == "__main__":
    main()
