"""Text of other systems: how its bytes are read, and how names, cards and phones are compared.

What was received is shown as it is; only the keys made here are folded.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_PARTICLES = frozenset({"DE", "DA", "DO", "DAS", "DOS", "E"})
_NOT_KEY = re.compile(r"[^A-Z0-9 ]")
_TWICE_DECODED = re.compile(
    "[ÃÂ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
)
"""UTF-8 that somebody read as Latin-1 or cp1252: "Ã§" where "ç" was meant."""


class Decoded(NamedTuple):
    """Text, the charset it was read by, and whether a person should look at it."""

    text: str
    charset: str
    damaged: bool


def decode(source: bytes, declared: str | None = None) -> Decoded:
    """Reads bytes by the charset they declare, else as UTF-8, else as cp1252, else as Latin-1, which takes any byte."""
    for charset in (*((declared,) if declared else ()), "utf-8", "cp1252"):
        try:
            text = source.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
        return Decoded(text, charset, damaged(text))
    text = source.decode("latin-1")
    return Decoded(text, "latin-1", damaged(text))


def damaged(text: str) -> bool:
    """Whether text lost characters on its way (U+FFFD) or was decoded twice."""
    return "\ufffd" in text or _TWICE_DECODED.search(text) is not None


def without_marks(text: str) -> str:
    """Text with its letters bare: "São" -> "Sao"."""
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def match_key(name: str) -> str:
    """The key by which names are compared: no marks, capitals, digits and single blanks alone, without particles."""
    words = _NOT_KEY.sub(" ", without_marks(name).upper()).split()
    return " ".join(word for word in words if word not in _PARTICLES)


def card_key(card: str) -> str:
    """The key by which member cards are compared when they are not equal as they stand: without leading zeros."""
    return card.strip().lstrip("0")


_PHONE = re.compile(r"(?:0?([1-9]{2}))([0-9]{8,9})")


def phone(area: str | None, number: str) -> str:
    """A telephone number in E.164 if area code and number are complete, else its digits.

    >>> phone("17", "3000-0000")
    '+551730000000'
    """
    digits = re.sub(r"\D", "", (area or "") + number)
    complete = _PHONE.fullmatch(digits)
    return f"+55{complete[1]}{complete[2]}" if complete else digits
