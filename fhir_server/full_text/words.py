"""Words as full text knows them, and a document of them as PostgreSQL's tsvector.

Without case and accents, in any language; no stems and no stop words, since nothing says which language a text is in
(docs/decisions/full-text.md). https://www.postgresql.org/docs/current/datatype-textsearch.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from unicodedata import combining, normalize

LONGEST = 64
"""Characters of a word that count."""
MAX_WORDS = 16_000
"""Words of a resource that are indexed, for places end at 16,383; a gap between two texts counts as one."""
_MAX_BYTES = 500_000
"""Bytes of all of them: a tsvector ends at a megabyte."""
_MOST_PLACES = 250
"""Places of one word that are noted."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text in order: runs of letters and digits."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = "".join(one for one in normalize("NFKD", text).casefold() if not combining(one))
    return [word[:LONGEST] for word in _WORD.findall(folded)]


def document(type_id: int, texts: Iterable[str]) -> str:
    """The words of some texts as a tsvector literal, with a mark of the resource type.

    A phrase never spans two texts.
    """
    places: dict[str, list[int]] = {}
    place = size = 0
    for text in texts:
        for word in words(text):
            place += 1
            size += len(word) if word.isascii() else 4 * len(word)
            if place > MAX_WORDS or size > _MAX_BYTES:
                break
            found = places.setdefault(word, [])
            if len(found) < _MOST_PLACES:
                found.append(place)
        place += 1
    listed = (f"{word}:{','.join(map(str, found))}" for word, found in places.items())
    return " ".join([mark(type_id), *listed])


def mark(type_id: int) -> str:
    """A word that no text has, which all resources of a type have."""
    return f"#{type_id}"


def quoted(found: Iterable[str]) -> Iterator[str]:
    """Words as tsquery writes them."""
    return (f"'{word}'" for word in found)
