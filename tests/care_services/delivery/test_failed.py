"""What follows a failure: every row of the contract's table of provider codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from care_services.delivery.decision import Notice
from care_services.delivery.failed import Again, NotDone, follows
from mappings.whatsapp.codes import AGAIN, reaction

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ALIVE = NOW + timedelta(hours=24)
CARE = Notice("answer", ALIVE)
CHECK_IN = Notice("safety", ALIVE, template="checkin", level="urgent")
MARKETING = Notice("wellness", ALIVE, template="wellness")


def seconds(notice: Notice, code: int, tries: int, **more: bool) -> float | str:
    """Until the next try; else why there is none."""
    match follows(reaction(code, 400), tries, notice, NOW, **more):
        case Again(at):
            return (at - NOW).total_seconds()
        case NotDone(reason):
            return reason


@pytest.mark.parametrize("code", [1, 2, 4, 80007, 130429, 131000, 131016, 131057])
def test_again(code: int) -> None:
    assert [seconds(CARE, code, tries) for tries in range(1, 6)] == [5, 30, 120, 600, 3600]
    assert follows(reaction(code, 400), 6, CARE, NOW) == NotDone(
        "the channel did not take it, again and again", telephone=True
    )


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_no_connection_and_5xx(status: int) -> None:
    assert reaction(None, status) == AGAIN


def test_only_while_the_request_is_alive() -> None:
    short = Notice("wellness", NOW + timedelta(minutes=3))
    assert [seconds(short, 131000, tries) for tries in (1, 2, 3, 4)] == [
        5, 30, 120, "it expired before the channel took it",
    ]  # fmt: skip
    emergency = Notice("answer", NOW - timedelta(hours=1), level="emergency")
    assert seconds(emergency, 131000, 5) == 3600


def test_the_same_person_too_often() -> None:
    assert [seconds(CARE, 131056, tries) for tries in (1, 2, 3)] == [6, 24, 96]
    assert isinstance(seconds(CARE, 131056, 4), str)


def test_once_as_template() -> None:
    assert follows(reaction(131047, 400), 1, CHECK_IN, NOW) == Again(NOW, as_template=True)
    assert follows(reaction(131047, 400), 2, CHECK_IN, NOW, was_template=True) == NotDone(
        "nobody wrote for a day, and no template went", telephone=True
    )
    assert isinstance(follows(reaction(131047, 400), 1, CARE, NOW), NotDone)


@pytest.mark.parametrize("code", [131026, 131030])
def test_unreachable(code: int) -> None:
    assert follows(reaction(code, 400), 1, CARE, NOW) == NotDone("not reached by the channel", telephone=True)
    assert follows(reaction(code, 400), 1, Notice("authorization", ALIVE), NOW) == NotDone(
        "not reached by the channel", telephone=True
    )
    assert follows(reaction(code, 400), 1, MARKETING, NOW) == NotDone("not reached by the channel")


@pytest.mark.parametrize("code", [131049, 130472])
def test_held_back(code: int) -> None:
    assert follows(reaction(code, 400), 1, MARKETING, NOW) == NotDone("the channel holds it back")


def test_stopped_by_the_person() -> None:
    assert follows(reaction(131050, 400), 1, MARKETING, NOW) == NotDone(
        "stopped by the person, on the channel", stops="wellness"
    )
    care = follows(reaction(131050, 400), 1, CARE, NOW)
    assert care == NotDone("stopped by the person, on the channel", telephone=True)


@pytest.mark.parametrize("code", [132000, 132001, 132007, 132015, 132016])
def test_a_template_that_cannot_be_used(code: int) -> None:
    did = reaction(code, 400)
    assert did.alarm
    assert follows(did, 1, CHECK_IN, NOW, was_template=True) == Again(NOW, as_template=True)
    assert follows(did, 2, CHECK_IN, NOW, was_template=True) == NotDone("its template cannot be used", telephone=True)
    assert follows(did, 2, MARKETING, NOW, was_template=True) == NotDone("its template cannot be used")


@pytest.mark.parametrize("code", [100, 131008, 131009, 131021, 131051, 131062])
def test_our_defect(code: int) -> None:
    did = reaction(code, 400)
    assert did.alarm
    assert follows(did, 1, CARE, NOW) == NotDone("the channel finds a fault in it", telephone=True)
    assert follows(did, 1, MARKETING, NOW) == NotDone("the channel finds a fault in it")


@pytest.mark.parametrize("code", [0, 3, 10, 190, 200, 299, 368, 131031, 131042, 131045, 131048, 130497])
def test_a_number_that_cannot_send(code: int) -> None:
    did = reaction(code, 400)
    assert did.alarm
    assert follows(did, 1, CARE, NOW) == NotDone("its number cannot send", telephone=True)
    assert follows(did, 1, CHECK_IN, NOW, was_template=True) == Again(NOW, as_template=True)
    assert follows(did, 2, CHECK_IN, NOW, was_template=True) == NotDone("its number cannot send", telephone=True)
