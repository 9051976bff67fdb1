"""What a person does with a Task -> where its conversation stands then: a table, and what holds for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from care_services.chat.conversation import (
    CONCLUDED,
    EMERGENCY,
    HUMAN,
    OPEN,
    STATES,
    Conversation,
)
from care_services.desk.acts import ANSWERING, CLOSED, RELEASED, RETURNED, TAKEN, acted
from care_services.triage.state import State

Json = Any
NURSE, SERVICE = "nurse-callback", "service-desk"


def task(code: str, done: str | None = None, version: str = "2", **more: Any) -> Json:
    status = {"businessStatus": {"coding": [{"code": done}]}} if done else {}
    return {
        "resourceType": "Task", "id": "t", "meta": {"versionId": version}, "status": "in-progress",
        "code": {"coding": [{"code": code}]}, "partOf": [{"reference": "Task/talk"}], **status, **more,
    }  # fmt: skip


def talk(state: str, level: str = "urgent") -> Conversation:
    return Conversation(state=state, told=level, interview=State(level=level))


@pytest.mark.parametrize(
    ("state", "code", "done", "after", "taken"),
    [
        (EMERGENCY, NURSE, TAKEN, EMERGENCY, True),
        (EMERGENCY, SERVICE, TAKEN, EMERGENCY, False),  # what to do goes on being repeated
        (EMERGENCY, NURSE, ANSWERING, EMERGENCY, True),
        (EMERGENCY, NURSE, RETURNED, OPEN, False),
        (EMERGENCY, NURSE, CLOSED, OPEN, False),
        (EMERGENCY, SERVICE, RETURNED, EMERGENCY, False),
        (EMERGENCY, SERVICE, CLOSED, EMERGENCY, False),
        (CONCLUDED, NURSE, TAKEN, CONCLUDED, True),
        (CONCLUDED, NURSE, ANSWERING, HUMAN, True),
        (OPEN, SERVICE, ANSWERING, HUMAN, False),
        (HUMAN, SERVICE, RETURNED, OPEN, False),
        (HUMAN, SERVICE, CLOSED, HUMAN, False),  # its silence gives it back
        (HUMAN, NURSE, None, HUMAN, False),
    ],
)
def test_what_is_done(state: str, code: str, done: str | None, after: str, taken: bool) -> None:
    found = acted(talk(state, "emergency" if state == EMERGENCY else "urgent"), task(code, done))
    assert (found.state, found.taken) == (after, taken)
    assert (found.told is None) == (after == OPEN)


@pytest.mark.parametrize(
    ("state", "before", "level", "after"),
    [
        (EMERGENCY, "emergency", "urgent", HUMAN),
        (CONCLUDED, "less-urgent", "very-urgent", CONCLUDED),
        (CONCLUDED, "urgent", "emergency", EMERGENCY),
        (HUMAN, "urgent", "non-urgent", HUMAN),
    ],
)
def test_a_professional_changes_the_level(state: str, before: str, level: str, after: str) -> None:
    found = acted(talk(state, before), task(NURSE, TAKEN), level)
    assert (found.state, found.told, found.interview.level) == (after, level, level)


def test_nobody_else_changes_the_level() -> None:
    found = acted(talk(EMERGENCY, "emergency"), task(SERVICE, TAKEN), "non-urgent")
    assert (found.state, found.interview.level) == (EMERGENCY, "emergency")


def test_what_to_do_is_repeated_again_once_a_professional_lets_go() -> None:
    taken = acted(talk(EMERGENCY, "emergency"), task(NURSE, TAKEN))
    assert not acted(taken, task(NURSE, RELEASED, version="3")).taken
    assert acted(taken, task(SERVICE, RELEASED, version="3")).taken


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("done", [TAKEN, ANSWERING, RETURNED, CLOSED])
def test_an_act_has_one_effect(state: str, done: str) -> None:
    once = acted(talk(state), task(NURSE, done))
    later = replace(once, state="interview", question=None)  # the member went on
    assert acted(later, task(NURSE, done)) == later
    assert acted(once, task(NURSE, done, version="3")) != once


def test_a_task_that_came_up_to_a_professional_is_theirs() -> None:
    moved = task(
        SERVICE, CLOSED, performerType=[{"coding": [{"code": "service-desk"}]}, {"coding": [{"code": "nurse"}]}]
    )
    assert acted(talk(EMERGENCY, "emergency"), moved).state == OPEN
