"""What a member wrote, as words to compare: lower case, no accents, repeats squeezed, chat spellings written out, each
word with its place in the text as it was written. Any text has words, be they none. Section 5 of the contract."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_PIECE = re.compile(
    rf"\d+(?:[.,:/]\d+)*|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f{_INVISIBLE}])*|\n|[^\w\s\u0300-\u036f{_INVISIBLE}]",
    re.UNICODE,
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_PARTS = frozenset(".!?;")
_FILLS = {
    "e": frozenset(("o", "a", "os", "as", "um", "uma", "do", "da", "dos", "das", "no", "na", "nos", "nas")),
    "tipo": frozenset(("entre", "desde", "ate", "com", "em")),
}
"""Words that say nothing where they stand after these."""
_JOINS = frozenset("-'’´`\"*~_()[]")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text. `spans[i]` is where word i stands in the text, `clause[i]` and `sentence[i]` count the stops
    before it: any punctuation begins a clause, a full stop, question or exclamation mark a sentence."""

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    clause: tuple[int, ...]
    sentence: tuple[int, ...]

    def quote(self, first: int, end: int) -> str:
        """The member's own writing from word `first` up to word `end`, exclusive."""
        return self.text[self.spans[first][0] : self.spans[end - 1][1]]


@lru_cache(maxsize=65536)
def folded(word: str) -> str:
    """Lower case, no accents, three or more of a letter made one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if c.isalpha())
    return _REPEATED.sub(r"\1", unicodedata.normalize("NFKD", plain.casefold()))


def words_of(text: str, spellings: Mapping[str, tuple[str, ...]]) -> Words:
    """The words of `text`; `spellings` says what chat spellings stand for ("pq": porque)."""
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    clauses: list[int] = []
    sentences: list[int] = []
    clause = sentence = 0
    for piece in _PIECE.finditer(text):
        raw = piece.group()
        if not raw[0].isalnum():
            if raw in _JOINS:
                continue
            clause += 1
            sentence += raw in _PARTS
            continue
        word = raw if raw[0].isdigit() else folded(raw)
        if not word:
            continue
        for part in spellings.get(word, (word,)):
            if part in _FILLS and words and words[-1] in _FILLS[part]:  # "vem para o, é, peito", as people speak
                continue
            words.append(part)
            spans.append(piece.span())
            clauses.append(clause)
            sentences.append(sentence)
    return Words(text, tuple(words), tuple(spans), tuple(clauses), tuple(sentences))


def normalised(text: str, spellings: Mapping[str, tuple[str, ...]]) -> str:
    """The text with nothing but its words; doing it twice changes nothing."""
    return " ".join(words_of(text, spellings).words)
