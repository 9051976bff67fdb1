"""General information that is approved to be told, and which of it a question is about. Pure. Contract, section 8."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mappings.text import without_marks

MOST = 2
"""Passages of one question."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of information. A question is about it that has a word of `needs`; more words of `about`, the more so."""

    id: str
    text: str
    about: tuple[str, ...]
    needs: tuple[str, ...]


@cache
def passages() -> Mapping[str, Passage]:
    """All of them, by id."""
    read = tomllib.loads((Path(__file__).parent / "passages.toml").read_text())
    return {
        id: Passage(id, one["text"], tuple(one["about"].split()), tuple(one["needs"].split()))
        for id, one in read.items()
        if isinstance(one, dict)
    }


def about(question: str) -> list[Passage]:
    """Those that a question is about, the likeliest first."""
    words = words_of(question)
    found = [one for one in passages().values() if _hits(words, one.needs)]
    return sorted(found, key=lambda one: -_hits(words, one.about))[:MOST]


def words_of(text: str) -> list[str]:
    """Words without accents and case."""
    return "".join(c if c.isalnum() else " " for c in without_marks(text.lower())).split()


def _hits(words: list[str], beginnings: tuple[str, ...]) -> int:
    return sum(any(word.startswith(one) for word in words) for one in beginnings)
