"""What happens to a Task that nobody has taken by its promise: one desk up, the member told, somebody paged. Pure.

The care services' contract, sections 7 and 10: of an emergency after two minutes, and again each two minutes until it
is taken, at the last desk too, which is the operator's 24-hour line; of anything else at its promise, until there is no
further desk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from care_services.desk import tasks
from mappings.identifiers import Systems, coding, concept

Json = Any

UP: Mapping[str, str] = {
    tasks.SERVICE: tasks.COORDINATOR, tasks.PHARMACIST: tasks.NURSE, tasks.NURSE: tasks.PHYSICIAN,
    tasks.PHYSICIAN: tasks.LINE,
}  # fmt: skip
"""Desk -> the next one up. Requests about data have a term of the law's, and no next desk."""
AGAIN = {"asap": timedelta(minutes=10), "urgent": timedelta(minutes=60)}
"""Priority -> how long the next desk has; eight hours for what is routine."""
ROUTINE = timedelta(hours=8)
TOLD = 2
"""Times the member is told."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is due."""

    number: int
    """Of the steps of this Task, from 1."""
    desk: str
    """Where it goes, or stays."""
    promise: datetime
    """When somebody there should have taken it by."""
    text: str | None
    """Name of what the member is told; None: nothing."""
    page: bool


def due(task: Json, now: datetime, take: timedelta, systems: Systems) -> Step | None:
    """The step that is due; None: none is, or somebody has it. take: within which an emergency should be taken."""
    if tasks.code(task) is None or not tasks.is_open(task) or tasks.owned(task):
        return None
    before, at, stat = steps(task, systems), tasks.desks(task)[-1], task.get("priority") == "stat"
    end = ends(task, take, systems)
    if end is None or now < end:
        return None
    desk = UP.get(at, at)
    if desk == at and not stat:
        return None
    late = "not_taken" if stat else "late"
    patience = take if stat else AGAIN.get(task.get("priority", "routine"), ROUTINE)
    told = before < TOLD if stat else before == 0
    return Step(before + 1, desk, now + patience, late if told else None, stat or task.get("priority") in AGAIN)


def ends(task: Json, take: timedelta, systems: Systems) -> datetime | None:
    """By when it should be taken, at the desk where it is; None: nothing was promised."""
    if task.get("priority") == "stat" and not steps(task, systems) and "authoredOn" in task:
        return datetime.fromisoformat(task["authoredOn"]) + take
    return tasks.promise(task)


def steps(task: Json, systems: Systems) -> int:
    """Steps that were made."""
    url = systems.extension("escalada")
    return next((int(one["valueInteger"]) for one in task.get("extension", ()) if one["url"] == url), 0)


def stepped(task: Json, step: Step, systems: Systems, instant: str) -> Json:
    """The Task after a step: the desks before keep it, the promise is the new one."""
    url = systems.extension("escalada")
    others = [one for one in task.get("extension", ()) if one["url"] != url]
    desks = [*tasks.desks(task), *([step.desk] if step.desk != tasks.desks(task)[-1] else [])]
    period = {**task.get("restriction", {}).get("period", {}), "end": _instant(step.promise)}
    return {
        **task,
        "extension": [*others, {"url": url, "valueInteger": step.number}],
        "performerType": [concept(coding(tasks.ROLES, one)) for one in desks],
        "restriction": {**task.get("restriction", {}), "period": period},
        "lastModified": instant,
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
