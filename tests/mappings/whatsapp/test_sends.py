"""Tries of a message in its Communication: statuses in any order, told as often as they like, give one state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import r4
from mappings.identifiers import Systems
from mappings.whatsapp.sends import FAILED, Send, sends, state, told, tracked, tracking, with_sends
from mappings.whatsapp.webhook import Status

SYSTEMS, LINE = Systems(), "100000000000001"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
MADE = {"resourceType": "Communication", "id": "c", "identifier": [{"system": "urn:request", "value": "r"}]}


def status(name: str, id: str = "wamid.1", try_: int = 1, *, after: int = 1, code: int = 131000) -> Status:
    return Status(
        id, LINE, name, AT + after, tracking=tracking("r", try_), errors=(code,) if name == FAILED else ()
    )  # fmt: skip


def after(every: list[Send], *statuses: Status) -> Any:
    return with_sends(MADE, told(every, statuses), SYSTEMS)


@pytest.mark.parametrize(
    ("told_", "communication", "reached"),
    [
        ((), "preparation", None),
        (("accepted",), "in-progress", "accepted"),
        (("sent", "accepted"), "in-progress", "sent"),
        (("delivered",), "completed", "delivered"),
        (("read",), "completed", "read"),
        (("played", "failed"), "completed", "read"),
        (("failed",), "on-hold", "failed"),
        (("accepted", "failed"), "on-hold", "failed"),
        (("failed", "sent"), "in-progress", "sent"),
    ],
)
def test_states(told_: tuple[str, ...], communication: str, reached: str | None) -> None:
    for order in permutations(told_):
        every = told([Send(1, LINE, NOW)], [status(one) for one in order])
        assert state(every) == reached
        assert with_sends(MADE, every, SYSTEMS)["status"] == communication


def test_a_status_is_of_the_try_it_names() -> None:
    made = after([Send(1, LINE, NOW), Send(2, LINE, NOW)], status("sent", "wamid.2", 2), status("failed", "wamid.1", 1))
    assert [(one.number, one.id, one.state) for one in sends(made, SYSTEMS)] == [
        (1, "wamid.1", FAILED), (2, "wamid.2", "sent"),
    ]  # fmt: skip
    assert made["status"] == "in-progress"
    assert [one["value"] for one in made["identifier"]] == ["r", "wamid.1", "wamid.2"]


def test_a_message_that_was_thought_lost_has_arrived() -> None:
    made = after([Send(1, LINE, NOW), Send(2, LINE, NOW)], status("failed", "wamid.2", 2))
    assert made["status"] == "preparation"  # of the first nobody knows
    made = with_sends(made, told(sends(made, SYSTEMS), [status("read", "wamid.1", 1, after=40)]), SYSTEMS)
    assert (made["status"], made["received"]) == ("completed", "2026-05-04T12:00:40.000Z")


STATUS = st.builds(
    lambda name, try_, after_, code: status(name, f"wamid.{try_}", try_, after=after_, code=code),
    st.sampled_from(["accepted", "sent", "delivered", "read", "played", FAILED]),
    st.integers(1, 3), st.integers(0, 100), st.sampled_from([131000, 131026, 131047]),
)  # fmt: skip


@given(st.lists(STATUS, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_neither_order_nor_repetition_matters(statuses: list[Status], random: Random, one_by_one: bool) -> None:
    every = [Send(number, LINE, NOW) for number in (1, 2, 3)]
    mixed = [*statuses, *statuses]
    random.shuffle(mixed)
    made = after(every, *statuses)
    if one_by_one:  # each in a transaction of its own
        other = with_sends(MADE, every, SYSTEMS)
        for one in mixed:
            other = with_sends(r4.parse(r4.serialize(other)), told(sends(other, SYSTEMS), [one]), SYSTEMS)
    else:
        other = after(every, *mixed)
    assert r4.serialize(other) == r4.serialize(made)


@given(st.lists(STATUS, min_size=1, max_size=8))
def test_only_upward(statuses: list[Status]) -> None:
    rungs = ["accepted", "sent", "delivered", "read"]
    every, before = [Send(number, LINE, NOW) for number in (1, 2, 3)], -1
    for one in statuses:
        every = told(every, [one])
        reached = state(every)
        now = rungs.index(reached) if reached in rungs else before
        assert now >= before
        assert reached != FAILED or before <= 0
        before = now


def test_what_is_written_is_read_again() -> None:
    full = Send(
        2, LINE, NOW + timedelta(milliseconds=7), "checkin", "wamid.9", {"accepted": NOW, FAILED: NOW}, (131026, 131030)
    )
    assert sends(with_sends(MADE, [full], SYSTEMS), SYSTEMS) == [full]
    assert (
        sends(with_sends(MADE, [replace(full, template=None, id=None, at={}, codes=())], SYSTEMS), SYSTEMS)[0].at == {}
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [("r.1", ("r", 1)), ("a.b.12", ("a.b", 12)), ("r", None), ("r.x", None), ("r.²", None), (None, None), ("", None)],
)
def test_tracking(text: str | None, found: tuple[str, int] | None) -> None:
    assert tracked(text) == found
