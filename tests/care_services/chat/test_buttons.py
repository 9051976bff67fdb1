"""Ids of buttons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.chat.buttons import Button, parse
from mappings.whatsapp.outgoing import BUTTON_ID, ROW_ID

PART = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,39}", fullmatch=True)


@given(st.builds(Button, PART, PART, PART, PART, st.integers(0, 999_999)))
def test_there_and_back(button: Button) -> None:
    assert parse(button.id) == button
    assert len(button.id) <= min(BUTTON_ID, ROW_ID)


@given(st.text())
def test_what_others_send_is_no_button(text: str) -> None:
    found = parse(text)
    assert found is None or found.id == text


def test_old_ones() -> None:
    button = Button("safety", "2026.1", "screen", "none", 4)
    assert not button.stale(4)
    assert button.stale(5)


@pytest.mark.parametrize("part", ["", "a b", "a:b", "Ã", "x" * 41])
def test_parts_that_are_none(part: str) -> None:
    with pytest.raises(ValueError):
        Button(part, "1", "a", "b", 1)
