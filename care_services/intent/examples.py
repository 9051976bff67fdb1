"""Texts that somebody judged: first a set that the classifier had not seen, afterwards examples it learns from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples.jsonl"


def examples() -> Iterator[tuple[str, str]]:
    """Text and intent; emergencies are the rules' and not among them."""
    for line in EXAMPLES.read_bytes().splitlines():
        told = json.loads(line)
        yield told["text"], told["intent"]
