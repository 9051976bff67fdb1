"""Whoever is on call is paged: a CommunicationRequest that says what about, and never about whom. Pure.

The care services' contract, sections 7 and 10. Pages about the same thing have one key, by which whoever receives them
knows that it is the same; of the so-manieth there is one, whoever asks for it again.
https://hl7.org/fhir/R4/communicationrequest.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from care_services.desk import tasks
from mappings.identifiers import Systems, coding, concept

Json = Any

STAT, ESCALATED, NUMBER_OFF = "stat", "escalated", "number-off"
"""Why somebody is paged."""
_PRIORITIES = ("stat", "asap", "urgent", "routine")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says."""

    key: str
    """What it is about: Task/[id], number/[id]."""
    number: int
    """Of the pages with this key, from 0."""
    why: str
    priority: str
    desk: str
    """Where somebody is missing."""
    promise: str | None = None
    """When somebody should have been there by."""


def of_task(task: Json, number: int, why: str, promise: datetime | None = None) -> Page:
    """The page about a Task."""
    end = promise or tasks.promise(task)
    return Page(
        f"Task/{task['id']}", number, why, task.get("priority", "routine"), tasks.desks(task)[-1],
        None if end is None else instant(end),
    )  # fmt: skip


def number_off(line: str, since: datetime) -> Page:
    """The page about a business number that cannot send since then."""
    return Page(f"number/{line}/{since:%Y%m%dT%H%M%S}", 0, NUMBER_OFF, "stat", tasks.LINE)


def entry(page: Page, systems: Systems, now: datetime) -> Json:
    """The entry of a transaction that has it sent (`hub/desk/paging.py`), once for its key and number."""
    made = request(page, systems, now)
    where = criteria(page, systems)["identifier"]
    return {
        "resource": made,
        "request": {"method": "POST", "url": made["resourceType"], "ifNoneExist": f"identifier={where}"},
    }


def request(page: Page, systems: Systems, now: datetime) -> Json:
    """What has it sent."""
    about = [{"reference": page.key}] if page.key.startswith("Task/") else []
    return {
        "resourceType": "CommunicationRequest",
        "identifier": [{"system": systems.sid("chamada"), "value": f"{page.key}.{page.number}"}],
        "status": "active",
        "category": [category(systems, page.why)],
        "priority": page.priority if page.priority in _PRIORITIES else "routine",
        **({"about": about} if about else {}),
        "payload": [{"contentString": f"{page.desk} {page.promise or ''}".strip()}],
        "authoredOn": instant(now),
        "recipient": [{"display": "on call"}],
    }


def criteria(page: Page, systems: Systems) -> dict[str, str]:
    """What finds it."""
    return {"identifier": f"{systems.sid('chamada')}|{page.key}.{page.number}"}


def category(systems: Systems, why: str) -> Json:
    """Its kind: of a system of its own, so that nobody takes it for something to be said to a member."""
    return concept(coding(systems.codes("chamada"), why))


def told(request: Json, systems: Systems, link: str) -> dict[str, Any]:
    """What is sent: nothing of it is about anybody's health. link: the case's page, for its Task's id."""
    [value] = [one["value"] for one in request["identifier"] if one["system"] == systems.sid("chamada")]
    key, _, number = str(value).rpartition(".")
    desk, _, promise = request["payload"][0]["contentString"].partition(" ")
    task = key.removeprefix("Task/") if key.startswith("Task/") else None
    return {
        "key": key, "page": int(number), "reason": request["category"][0]["coding"][0]["code"], "task": task,
        "desk": desk, "priority": request["priority"], "promise": promise or None, "at": request["authoredOn"],
        "link": f"{link}/{task}" if task else None,
    }  # fmt: skip


def instant(moment: datetime) -> str:
    """A moment, as FHIR has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
