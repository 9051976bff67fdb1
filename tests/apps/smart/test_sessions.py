"""Sessions: one browser, one launch, a limited time."""

from __future__ import annotations

import pytest

from apps.smart.sessions import IDLE_SECONDS, LAUNCH_SECONDS, LONGEST_SECONDS, Session, Sessions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def session(clock: Clock) -> Session:
    return Session("secret", clock(), clock(), "p", "token", clock() + 900, None)


def test_a_launch_is_answered_once_and_by_the_browser_that_began_it(clock: Clock) -> None:
    sessions = Sessions(clock)
    state, launch = sessions.begin()
    assert sessions.arrive(state, "other") is None
    assert sessions.arrive("other", launch.secret) is None
    assert sessions.arrive(state, launch.secret) is launch
    assert sessions.arrive(state, launch.secret) is None


def test_a_launch_answered_late_is_none(clock: Clock) -> None:
    sessions = Sessions(clock)
    state, launch = sessions.begin()
    clock.now += LAUNCH_SECONDS + 1
    assert sessions.arrive(state, launch.secret) is None


def test_a_session_is_found_with_its_secret_only(clock: Clock) -> None:
    sessions = Sessions(clock)
    key = sessions.keep(session(clock))
    assert sessions.find(key, "") is None
    assert sessions.find("other", "secret") is None
    assert sessions.find(key, "secret") is not None
    sessions.end(key)
    assert sessions.find(key, "secret") is None


def test_idle_and_old_sessions_end(clock: Clock) -> None:
    sessions = Sessions(clock)
    idle, used = sessions.keep(session(clock)), sessions.keep(session(clock))
    for _ in range(int(LONGEST_SECONDS / IDLE_SECONDS)):
        clock.now += IDLE_SECONDS
        assert sessions.find(used, "secret") is not None
    assert sessions.find(idle, "secret") is None
    clock.now += 1
    assert sessions.find(used, "secret") is None


@pytest.mark.parametrize("text", ["é", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_a_strange_cookie_is_none(clock: Clock, text: str) -> None:
    sessions = Sessions(clock)
    assert sessions.find(sessions.keep(session(clock)), text) is None
