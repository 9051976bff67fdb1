"""The circuit breaker, by a clock of its own."""

from __future__ import annotations

from adapters.tasy.breaker import LEAST, LONGEST, OPEN, PROBES, TIMEOUTS, WINDOW, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(TIMEOUTS):
        assert breaker.admit() == 0
        breaker.failed(timed_out=True)
    assert breaker.state == "open"
    return breaker


def test_five_timeouts_in_a_row_open_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(TIMEOUTS - 1):
        breaker.failed(timed_out=True)
    breaker.succeeded()
    for _ in range(TIMEOUTS - 1):
        breaker.failed(timed_out=True)
    assert breaker.admit() == 0
    breaker.failed(timed_out=True)
    assert breaker.admit() == OPEN


def test_half_of_twenty_calls_open_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for number in range(LEAST):
        assert breaker.state == "closed"
        if number % 2:
            breaker.failed()
        else:
            breaker.succeeded()
    assert breaker.state == "open"


def test_old_calls_are_forgotten() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(LEAST - 1):
        breaker.failed()
    clock.now += WINDOW + 1
    breaker.failed()
    assert breaker.state == "closed"


def test_few_calls_say_nothing() -> None:
    breaker = Breaker(Clock())
    for _ in range(LEAST - 1):
        breaker.failed()
    assert breaker.state == "closed"


def test_three_probes_close_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN
    assert breaker.state == "half-open"
    assert [breaker.admit() for _ in range(PROBES)] == [0] * PROBES
    assert breaker.admit() > 0
    for _ in range(PROBES):
        breaker.succeeded()
    assert breaker.state == "closed"


def test_a_failed_probe_opens_it_for_twice_as_long() -> None:
    clock = Clock()
    breaker = opened(clock)
    stays = OPEN
    for _ in range(6):
        clock.now += stays
        assert breaker.admit() == 0
        breaker.failed()
        stays = min(stays * 2, LONGEST)
        assert breaker.admit() == stays
    assert stays == LONGEST
    clock.now += stays
    for _ in range(PROBES):
        assert breaker.admit() == 0
        breaker.succeeded()
    breaker = opened(clock)
    assert breaker.admit() == OPEN


def test_a_probe_that_was_given_up_makes_room_for_another() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN
    for _ in range(PROBES * 3):
        assert breaker.admit() == 0
        breaker.given_up()
    assert breaker.state == "half-open"


def test_a_late_answer_of_before_does_not_prolong_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.failed()
    assert breaker.admit() == OPEN
