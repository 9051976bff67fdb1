"""How far a message of ours has come, in whatever order that is told."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.whatsapp.ladder import FAILED, RUNGS, higher, known, state

TOLD = (*RUNGS, FAILED, "played")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ((), "accepted"),
        (("sent", "delivered", "read"), "read"),
        (("read",), "read"),
        (("played", "delivered"), "read"),
        (("failed",), "failed"),
        (("failed", "accepted"), "failed"),
        (("sent", "failed"), "sent"),
        (("failed", "delivered"), "delivered"),
    ],
)
def test_states(told: tuple[str, ...], found: str) -> None:
    assert {state(order) for order in permutations(told)} == {found}


@given(st.lists(st.sampled_from(TOLD), max_size=6), st.randoms())
def test_neither_order_nor_repetition_matters(told: list[str], random: object) -> None:
    mixed = [*told, *told]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert state(mixed) == state(told)


@given(st.sampled_from(RUNGS), st.sampled_from(TOLD))
def test_never_down(now: str, told: str) -> None:
    after = higher(now, told)
    assert after == FAILED or RUNGS.index(after) >= RUNGS.index(now)
    assert after != FAILED or now == RUNGS[0]


def test_what_is_no_state() -> None:
    assert not known("deleted")
    assert all(known(one) for one in TOLD)
    with pytest.raises(ValueError):
        higher("sent", "deleted")
