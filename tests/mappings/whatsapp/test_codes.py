"""What the channel's error codes ask for: the table of the care services' contract, section 2, row by row."""

from __future__ import annotations

import pytest

from mappings.whatsapp.codes import Do, reaction


@pytest.mark.parametrize(
    ("codes", "do"),
    [
        ((1, 2, 4, 80007, 130429, 131000, 131016, 131057), Do.AGAIN),
        ((131056,), Do.AGAIN),
        ((131047,), Do.AS_TEMPLATE),
        ((131026, 131030), Do.UNREACHABLE),
        ((131049, 130472), Do.NOT_NOW),
        ((131050,), Do.STOPPED),
        ((132000, 132001, 132007, 132015, 132016, 132999), Do.TEMPLATE_OFF),
        ((100, 131008, 131009, 131021, 131051, 131062), Do.DEFECT),
        ((0, 3, 10, 190, 200, 299, 368, 131031, 131042, 131045, 131048, 130497), Do.NUMBER_OFF),
        ((300, 133000, 999999), Do.DEFECT),
    ],
)
def test_each_code(codes: tuple[int, ...], do: Do) -> None:
    assert {reaction(code, 400).do for code in codes} == {do}


@pytest.mark.parametrize(
    ("status", "do"),
    [(0, Do.AGAIN), (500, Do.AGAIN), (503, Do.AGAIN), (429, Do.AGAIN), (400, Do.DEFECT), (404, Do.DEFECT)],
)
def test_without_a_code_the_status_decides(status: int, do: Do) -> None:
    assert reaction(None, status).do == do


def test_pauses() -> None:
    assert reaction(130429, 400).pauses == (5, 30, 120, 600, 3600)
    assert reaction(131056, 400).pauses == (6, 24, 96)
    assert reaction(131049, 400).pauses == (86_400,)
    assert reaction(131047, 400).pauses == ()
