"""How fast may be sent: never more than the channel takes, by any order of calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.whatsapp.pacing import NUMBER_BURST, NUMBER_RATE, PAIR_BURST, PAIR_RATE, Pace


def test_three_at_once_to_one_person_then_one_every_six_seconds() -> None:
    pace = Pace(0)
    for _ in range(3):
        assert pace.wait("ana", 0) == 0
        pace.take("ana", 0)
    assert pace.wait("ana", 0) == 6
    assert pace.wait("rui", 0) == 0
    assert pace.wait("ana", 6) == 0


def test_eighty_a_second_to_all() -> None:
    pace = Pace(0)
    for number in range(80):
        pace.take(str(number), 0)
    assert 0 < pace.wait("one more", 0) <= 1 / NUMBER_RATE


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 20)), max_size=60))
def test_no_more_than_the_channel_takes(wanted: list[tuple[str, float]]) -> None:
    pace, now = Pace(0), 0.0
    sent: list[tuple[str, float]] = []
    for person, later in wanted:
        now += later
        if pace.wait(person, now) == 0:
            pace.take(person, now)
            sent.append((person, now))
    for person in "abc":
        times = [at for who, at in sent if who == person]
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= PAIR_BURST + (times[last] - times[first]) * PAIR_RATE + 1e-6
    assert len(sent) <= NUMBER_BURST + now * NUMBER_RATE
