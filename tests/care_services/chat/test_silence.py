"""What a silence brings, state by state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from care_services.chat.silence import Then, due


@pytest.mark.parametrize(
    ("state", "minutes", "done", "then"),
    [
        ("interview", 4, 0, None),
        ("interview", 5, 0, Then.REMIND),
        ("interview", 14, 1, None),
        ("interview", 15, 1, Then.NURSE),
        ("interview", 60, 0, Then.REMIND),  # a step after the other, however late
        ("interview", 60, 2, None),
        ("safety", 5, 0, Then.REMIND),
        ("proving", 29, 0, None),
        ("proving", 30, 0, Then.END),
        ("authorization", 30, 0, Then.END),
        ("human", 30, 0, Then.RETURN),
        ("emergency", 600, 0, None),
        ("open", 600, 0, None),
        ("concluded", 600, 0, None),
    ],
)
def test_silences(state: str, minutes: int, done: int, then: Then | None) -> None:
    found = due(state, timedelta(minutes=minutes), done)
    assert (found.then if found else None) is then
