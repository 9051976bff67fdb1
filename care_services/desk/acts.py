"""What a person does with a Task -> where its conversation stands then. Pure.

The care services' contract, sections 3, 5 and 7. What was done is the Task's `businessStatus`: only who may change the
Task can say it. An emergency ends by a professional's word alone, and so does a level.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from care_services.chat.conversation import EMERGENCY, HUMAN, KEPT_IDS, Conversation
from care_services.chat.engine import returned
from care_services.desk import tasks
from care_services.triage.levels import LEVELS

Json = Any

TAKEN, RELEASED, ANSWERING, RETURNED, CLOSED = "taken", "released", "answering", "returned", "closed"
"""Codes of `businessStatus`."""


def done(task: Json) -> str | None:
    """What was done last, of these codes; None: nothing yet."""
    return next((one.get("code") for one in task.get("businessStatus", {}).get("coding", ())), None)


def acted(before: Conversation, task: Json, level: str | None = None) -> Conversation:
    """The conversation after it. level: that a professional has found, if that is what was done.

    The same version of a Task has its effect once, however often it is told.
    """
    mark = f"Task/{task['id']}/{task['meta']['versionId']}"
    if mark in before.seen:
        return before
    after = replace(before, seen=(*before.seen, mark)[-KEPT_IDS:])
    professional, what = tasks.clinical(task), done(task)
    if level is not None and professional:
        after = _levelled(after, level)
    if what == TAKEN:
        return replace(after, taken=after.taken or professional)
    if what == RELEASED:
        return replace(after, taken=after.taken and not professional)
    if what == ANSWERING:
        state = after.state if after.state == EMERGENCY else HUMAN
        return replace(after, state=state, question=None, misunderstood=0, taken=after.taken or professional)
    if what in (RETURNED, CLOSED) and before.state == EMERGENCY and not professional:
        return after
    if what == RETURNED or (what == CLOSED and before.state == EMERGENCY):
        return replace(returned(after), taken=False)
    return after


def _levelled(talk: Conversation, level: str) -> Conversation:
    """A professional has found another level, higher or lower: it is the episode's from now on."""
    state = EMERGENCY if level == LEVELS[-1] else HUMAN if talk.state == EMERGENCY else talk.state
    return replace(
        talk, state=state, told=level if talk.told is not None else None,
        interview=replace(talk.interview, level=level), taken=True,
    )  # fmt: skip
