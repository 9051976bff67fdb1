"""When two telephone numbers are one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.whatsapp.phone import forms, same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("5517988887777", "551788887777", True),
        ("551788887777", "+55 (17) 98888-7777", True),
        ("5517988887777", "5517988887777", True),
        ("551730000000", "5517930000000", False),  # a landline, and a mobile that only looks like it
        ("551750000000", "5517950000000", False),
        ("551760000000", "5517960000000", True),
        ("5517988887777", "5517988887778", False),
        ("5517988887777", "5518988887777", False),
        ("16505551234", "16505551234", True),
        ("16505551234", "1650555123", False),
        ("5500988887777", "550088887777", False),  # no such area
    ],
)
def test_lines(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal


@given(st.text(max_size=20))
def test_a_number_is_itself_and_its_forms_agree(number: str) -> None:
    assert same(number, number)
    assert all(set(forms(one)) == set(forms(number)) for one in forms(number))
