"""Who has broken the glass just now: known to every worker before it opens anything, so that each access is flagged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fhir_server.statement import Statement

PURPOSE = "BTG"
"""https://terminology.hl7.org/CodeSystem-v3-ActReason.html"""
SECONDS = 30 * 60
DELAY = 5
"""Seconds until it holds: as long as a worker may not know of it."""

BROKEN = "select distinct subject from break_glass where until > (extract(epoch from now()) * 1000000)::bigint"
_subjects: frozenset[str] = frozenset()


def question() -> Statement:
    """Who has; rows for `learned`."""
    return Statement(BROKEN)


def learned(rows: Iterable[Any]) -> None:
    """Notes what `question` found."""
    global _subjects
    _subjects = frozenset(subject.decode() for (subject,) in rows)


def broken(subject: str) -> bool:
    """Whether what this person asks for is flagged."""
    return subject in _subjects
