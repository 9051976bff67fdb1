"""The table of states."""

from __future__ import annotations

import pytest

from messages.states import ALLOWED, AT_REST, LINE, NotAllowed, State, before, check, way


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    reached: set[State] = set()
    ahead = set(ALLOWED[None])
    while ahead:
        one = ahead.pop()
        reached.add(one)
        ahead |= ALLOWED[one] - reached
    assert reached == set(State)
    assert set(ALLOWED) == {None, *State}


def test_the_line_is_allowed() -> None:
    check(LINE)
    assert way(State.ARMAZENADA, State.ENTREGUE) == LINE[2:]
    assert way(State.MAPEADA, State.MAPEADA) == ()


@pytest.mark.parametrize(
    ("present", "wanted"),
    [(State.MAPEADA, State.VALIDADA), (State.MORTA, State.APLICADA), (State.VALIDADA, State.MORTA)],
)
def test_no_way(present: State, wanted: State) -> None:
    with pytest.raises(NotAllowed):
        way(present, wanted)


def test_only_people_bring_back_what_is_at_rest() -> None:
    for one in AT_REST:
        assert ALLOWED[one] <= {State.ARMAZENADA, State.MORTA, State.DESCARTADA}
    assert before(State.DESCARTADA) == {State.MORTA, State.QUARENTENA, State.ESTACIONADA}


def test_a_path_is_checked_step_by_step() -> None:
    check((State.VALIDADA, State.MAPEADA), known=False)
    with pytest.raises(NotAllowed):
        check((State.VALIDADA, State.APLICADA), known=False)
    with pytest.raises(NotAllowed):
        check((State.ARMAZENADA,))
