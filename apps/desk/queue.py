"""Tasks as rows of a queue: which are shown, in which order, what each says. Pure. https://hl7.org/fhir/R4/task.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]

CODES = ("nurse-callback", "pharmacist", "service-desk", "phone-contact", "data-subject-request")
"""Of Tasks for people."""
OPEN = ("requested", "accepted", "in-progress", "on-hold")
PRIORITIES = ("stat", "asap", "urgent", "routine")
FILTERS = ("open", "mine", "waiting")
_DESKS = {
    "nurse-callback": "nurse", "pharmacist": "pharmacist", "service-desk": "service-desk",
    "data-subject-request": "privacy-officer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A Task."""

    id: str
    code: str
    priority: str
    desk: str
    """Where it is now."""
    promise: str
    """When somebody should have it by, as FHIR text; "" where nothing was promised."""
    minutes: int | None
    """Until then; negative: so long ago."""
    level: str
    """Of urgency, as the service told it; "" where that is not for this desk."""
    reason: str
    protocol: str
    owner: str
    """How whoever has it is called; "" for nobody."""
    mine: bool
    authored: str
    escalated: bool


def rows(tasks: Iterable[Json], user: Json, now: datetime) -> list[Row]:
    """Those of people that are open: emergencies first, then by promise, then by priority."""
    found = [row(one, user, now) for one in tasks if code_of(one) and one.get("status") in OPEN]
    return sorted(
        found, key=lambda one: (one.priority != "stat", one.promise or "9", PRIORITIES.index(one.priority), one.id)
    )


def row(task: Json, user: Json, now: datetime) -> Row:
    """One Task. user: Reference of who looks."""
    end = task.get("restriction", {}).get("period", {}).get("end", "")
    facts = inputs(task)
    named = desks(task)
    priority = task.get("priority", "routine")
    return Row(
        task["id"], code_of(task), priority if priority in PRIORITIES else "routine", named[-1], end,
        int((datetime.fromisoformat(end) - now).total_seconds() // 60) if end else None,
        next(iter(facts.get("level", ())), ""),
        next(iter(facts.get("reason", ())), "") or task.get("description", ""),
        next((str(one["value"]) for one in task.get("identifier", ()) if one.get("system", "").endswith("/protocolo")),
             ""),
        display(task["owner"]) if "owner" in task else "", same(task.get("owner"), user), task.get("authoredOn", ""),
        len(named) > 1,
    )  # fmt: skip


def chosen(found: Sequence[Row], which: str, desk: str) -> list[Row]:
    """Rows of a filter and of a desk; "" for all desks."""
    return [
        one for one in found
        if (not desk or one.desk == desk)
        and (which == "open" or (which == "mine" and one.mine) or (which == "waiting" and not one.owner))
    ]  # fmt: skip


def code_of(task: Json) -> str:
    """What is to be done; "" for a Task that is not for people."""
    found = (str(one.get("code")) for one in task.get("code", {}).get("coding", ()))
    return next((one for one in found if one in CODES), "")


def desks(task: Json) -> list[str]:
    """The desks it came to, the last one being where it is now."""
    named = [str(each["code"]) for one in task.get("performerType", ()) for each in one.get("coding", ())]
    routine = task.get("priority", "routine") == "routine"
    return named or [_DESKS.get(code_of(task), "service-desk" if routine else "nurse")]


def inputs(task: Json) -> dict[str, list[str]]:
    """What whoever made the Task says of the case: kind -> texts, those of rules and findings with their code first."""
    found: dict[str, list[str]] = {}
    for one in task.get("input", ()):
        kinds = [str(each["code"]) for each in one["type"].get("coding", ()) if "code" in each]
        name = kinds[0] if kinds else str(one["type"].get("text", "more"))
        value = next((value for key, value in one.items() if key.startswith("value")), "")
        if isinstance(value, Mapping):
            text = str(value.get("display") or value.get("reference") or value.get("text") or "")
        else:
            text = str(value)
        if name == "finding" and kinds[1:]:
            text = f"“{text}” ({kinds[1].replace('_', ' ')})"
        elif kinds[1:]:
            text = f"{kinds[1]}: {text}"
        found.setdefault(name, []).append(text)
    return found


def display(reference: Json) -> str:
    """How whoever a Reference names is called."""
    return str(
        reference.get("display") or reference.get("reference") or reference.get("identifier", {}).get("value", "?")
    )


def same(one: Json | None, other: Json) -> bool:
    """Whether two References name the same person."""
    return one is not None and _key(one) is not None and _key(one) == _key(other)


def _key(reference: Json) -> str | None:
    found = reference.get("reference") or reference.get("identifier", {}).get("value")
    return None if found is None else str(found)
