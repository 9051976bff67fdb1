"""What the classifier sees of a text: words, pairs and pieces of them, what is named, what triage knows. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import pairwise

from care_services.entities.reading import named
from care_services.triage.normal import Words, words_of
from care_services.triage.rule_set import rules
from care_services.triage.scanner import LONGEST

SHORT = (1, 2, 3, 5, 8, 13, 21)
"""Words from which a text is of the next length."""


def features(text: str) -> list[str]:
    """Names of what a text has, each once, in an order that is always the same."""
    return sorted(set(_features(words_of(text[:LONGEST], rules().spellings))))


def number(feature: str) -> int:
    """What stands for a feature in the weights."""
    return zlib.crc32(feature.encode())


def _features(words: Words) -> Iterator[str]:
    said = list(words.words)
    yield f"#{sum(len(said) >= least for least in SHORT)}"
    if "?" in words.text:
        yield "?"
    kinds = {one.first: (one.kind, one.end) for one in sorted(named(words), key=lambda one: one.end)}
    seen = ["^"]
    at = 0
    while at < len(said):
        kind, end = kinds.get(at, ("", at + 1))
        seen.append(f"*{kind}" if kind else "*number" if said[at][0].isdigit() else said[at])
        at = end
    yield from (word for word in seen if word != "^")
    yield from (f"{one} {other}" for one, other in pairwise([*seen, "$"]))
    yield from (f"{one}~{other}" for one, other in zip(seen, seen[2:], strict=False))
    for word in said:
        if not word[0].isdigit():
            yield f"={word}"
            edged = f"<{word}>"
            yield from (edged[first : first + size] for size in (3, 4, 5) for first in range(len(edged) - size + 1))
    corrected = [rules().spelling.corrected(word) for word in said]
    yield from (f"@{concept}" for concept in rules().lexicon.mentions(corrected, words.sentence))
