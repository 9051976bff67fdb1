"""What a Task for people says: whose desk it is on, what was promised, whether anybody has it. Pure.

The care services' contract, section 7. https://hl7.org/fhir/R4/task.html: a desk is a role, and the desks of a Task are
its `performerType`, the last one being where it is now; a Task that names none is on the desk of its code.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

Json = Any

CODES = ("nurse-callback", "pharmacist", "service-desk", "data-subject-request", "phone-contact")
"""Of Tasks for people."""
OPEN = ("requested", "received", "accepted", "in-progress", "ready", "on-hold")
"""Statuses of those by which something is still to be done."""
NURSE, PHYSICIAN, PHARMACIST, SERVICE = "nurse", "physician", "pharmacist", "service-desk"
COORDINATOR, PRIVACY, LINE = "coordinator", "privacy-officer", "line"
CLINICAL = frozenset({NURSE, PHYSICIAN})
"""Desks of who may say that an emergency is over, and how urgent something is."""
ROLES = "urn:fhir-hub:CodeSystem:access"
"""The code system of desks, which are roles."""
_DESKS = {"nurse-callback": NURSE, "pharmacist": PHARMACIST, "service-desk": SERVICE, "data-subject-request": PRIVACY}


def code(task: Json) -> str | None:
    """What is to be done, of CODES; None: it is no Task for people."""
    found = (one.get("code") for one in task.get("code", {}).get("coding", ()))
    return next((one for one in found if one in CODES), None)


def desks(task: Json) -> tuple[str, ...]:
    """The desks it is on, in the order it came to them; never none."""
    named = tuple(
        each["code"] for one in task.get("performerType", ()) for each in one.get("coding", ()) if "code" in each
    )
    if named:
        return named
    kind = code(task)
    if kind in _DESKS:
        return (_DESKS[kind],)
    return (SERVICE if task.get("priority", "routine") == "routine" else NURSE,)


def owned(task: Json) -> bool:
    """Whether somebody has taken it."""
    return "owner" in task


def is_open(task: Json) -> bool:
    """Whether something is still to be done."""
    return task.get("status") in OPEN


def clinical(task: Json) -> bool:
    """Whether it is on a desk of professionals."""
    return bool(CLINICAL & set(desks(task)))


def promise(task: Json) -> datetime | None:
    """When somebody should have taken it by."""
    end = task.get("restriction", {}).get("period", {}).get("end")
    return None if end is None else datetime.fromisoformat(end)


def talk(task: Json) -> str | None:
    """Reference of the conversation that it came from."""
    return next((one["reference"] for one in task.get("partOf", ()) if "reference" in one), None)
