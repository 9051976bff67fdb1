"""Levels of urgency, from the least to the most, and the level that findings make (sections 5 and 7)."""

from __future__ import annotations

LEVELS = ("non-urgent", "less-urgent", "urgent", "very-urgent", "emergency")
"""In their order. Blue, green, yellow, orange, red."""


def stops(level: str) -> bool:
    """Whether it sends to help at once: nothing more is asked then."""
    return LEVELS.index(level) >= LEVELS.index("very-urgent")


def highest(*levels: str) -> str:
    """The most urgent of them."""
    return LEVELS[max(LEVELS.index(level) for level in levels)]


def one_up(level: str) -> str:
    """One level up, never past emergency."""
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]
