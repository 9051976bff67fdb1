"""The instant of a resource stands to a value as a range of one microsecond does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.by_date import OPERATORS, compare, compare_instant

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap", *sorted(OPERATORS))


@pytest.mark.parametrize("prefix", PREFIXES)
@given(st.integers(-30, 30), st.integers(1, 9), st.integers(-40, 40), st.integers(-40, 40))
def test_an_instant_is_a_short_range(prefix: str, low: int, width: int, now: int, target: int) -> None:
    of_range = compare(prefix, low, low + width, now, "target", "(target + 1)", str)
    of_instant = compare_instant(prefix, low, low + width, now, "target", str)
    # Both are SQL that means the same in Python.
    assert eval(of_instant) == eval(of_range)
