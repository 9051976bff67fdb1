"""What can be named in a message, as data. Pure. The care services' contract, section 3."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("exam", "procedure", "specialty", "medicine", "city", "protocol", "card", "date", "weekday", "time")


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that a text names."""

    kind: str
    """One of KINDS."""
    value: str
    """Its one form: a name of the vocabulary, digits alone, YYYY-MM-DD, a code of days-of-week, HH:MM."""
    first: int
    """The word it begins at."""
    end: int
    """The word after it."""
