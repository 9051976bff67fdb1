"""`hub evaluate intent`: what the classifier says of texts that somebody has judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from care_services.intent.model import intent_of
from hub.evaluation.cases import BadCase


def evaluate_intent(paths: Sequence[Path]) -> Iterator[str]:
    """Runs all texts; the lines to show, macro-F1 last. Raises BadCase and OSError."""
    pairs = Counter((gold, intent_of(text)) for path in paths for text, gold in _texts(path))
    classes = sorted({gold for gold, _ in pairs})
    scores = {name: f1(pairs, name) for name in classes}
    for name in classes:
        yield f"{name:24} F1 {scores[name]:.3f} of {sum(n for (gold, _), n in pairs.items() if gold == name)}"
    for (gold, told), count in sorted(pairs.items()):
        if gold != told:
            yield f"gold {gold:24} told {told:24} {count}"
    yield f"macro-F1 {sum(scores.values()) / len(scores):.3f}"


def f1(pairs: Counter[tuple[str, str]], name: str) -> float:
    """The F1 of a class among (gold, told) counts."""
    right = pairs[name, name]
    gold = sum(count for (one, _), count in pairs.items() if one == name)
    told = sum(count for (_, one), count in pairs.items() if one == name)
    return 2 * right / (gold + told) if gold + told else 0.0


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = orjson.loads(line)
            text, intent = told["text"], told["intent"]
        except (KeyError, TypeError, ValueError) as error:
            raise BadCase(f"{path.name} line {number}: no object with text and intent") from error
        if not isinstance(text, str) or not isinstance(intent, str):
            raise BadCase(f"{path.name} line {number}: text and intent are texts")
        yield text, intent
