"""Kinds of observations, and the latest of each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.latest import Seen, latest

A, B, C, TEXT = (1, 0), (2, 0), (3, 9), "weight"


@pytest.mark.parametrize(
    ("seen", "most", "expected"),
    [
        ([], 1, []),
        ([Seen(1, A, 10), Seen(2, A, 20), Seen(3, B, 5)], 1, [2, 3]),
        ([Seen(1, A, 10), Seen(2, A, 20), Seen(3, B, 30)], 2, [3, 2, 1]),
        # The same instant: all of them.
        ([Seen(1, A, 10), Seen(2, A, 10), Seen(3, A, 9)], 1, [2, 1]),
        # An old observation with both codings makes them one kind.
        ([Seen(1, A, 1), Seen(1, B, 1), Seen(2, A, 20), Seen(3, B, 30)], 1, [3]),
        ([Seen(1, A, 1), Seen(1, B, 1), Seen(4, B, 2), Seen(4, C, 2), Seen(2, A, 20), Seen(3, C, 30)], 1, [3]),
        ([Seen(1, TEXT, 1), Seen(2, TEXT, 2), Seen(3, A, 3)], 1, [3, 2]),
        # Without a kind each stands alone; without a date it comes last.
        ([Seen(1, None, 1), Seen(2, None, 2)], 1, [2, 1]),
        ([Seen(1, A, None), Seen(2, A, None), Seen(3, A, 1)], 2, [3, 2]),
        ([Seen(1, A, None), Seen(2, B, 0)], 1, [2, 1]),
        ([Seen(1, A, None), Seen(2, A, 0), Seen(3, A, -5)], 1, [2]),
        # A coding is not an observation that has the same number.
        ([Seen(1, 2, 1), Seen(2, 3, 1)], 1, [2, 1]),
    ],
)
def test_latest(seen: list[Seen], most: int, expected: list[int]) -> None:
    assert latest(seen, most) == expected


@given(
    st.lists(st.tuples(st.integers(1, 30), st.sets(st.integers(1, 12), max_size=3), st.none() | st.integers(0, 9)),
             unique_by=lambda one: one[0]),
    st.integers(1, 4),
)  # fmt: skip
def test_against_plain_sets(drawn: list[tuple[int, set[int], int | None]], most: int) -> None:
    """As sets that are united while any two share a coding."""
    kinds: list[tuple[set[int], set[int]]] = []
    for rid, codings, _ in drawn:
        touched = [kind for kind in kinds if kind[0] & codings]
        kinds = [kind for kind in kinds if kind not in touched]
        kinds.append((set().union(codings, *(kind[0] for kind in touched)), {rid}.union(*(k[1] for k in touched))))
    dates = {rid: at for rid, _, at in drawn}
    seen = [Seen(rid, coding, at) for rid, codings, at in drawn for coding in (codings or {None})]
    chosen = latest(seen, most)
    assert len(chosen) == len(set(chosen))
    for _, members in kinds:
        newest = sorted(members, key=lambda rid: (dates[rid] is not None, dates[rid] or 0, rid), reverse=True)
        expected = newest[:most]
        expected += [rid for rid in newest[most:] if dates[rid] is not None and dates[rid] == dates[expected[-1]]]
        assert [rid for rid in chosen if rid in members] == expected
