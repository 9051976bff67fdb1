"""What people ask of whoever answers for data protection, as a Task: its shape, and how it goes on. Pure.

LGPD, art. 18, III (correction) and VI (erasure), art. 19. https://hl7.org/fhir/R4/task.html#statemachine
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.outcome import Conflict, Unprocessable
from fhir_server.privacy.retention import SYSTEM as CLASSES
from fhir_server.privacy.subject import PATIENT
from fhir_server.version import instant

SYSTEM = "urn:fhir-hub:CodeSystem:data-subject-request"
RECTIFICATION, ERASURE = "rectification", "erasure"
KINDS = (RECTIFICATION, ERASURE)
REQUEST = "data-subject-request"
"""The code all of them have, beside that of their kind: what a search for the queue asks for."""
ACCEPT, REJECT, COMPLETE = "accept", "reject", "complete"

NEXT: Mapping[tuple[str, str, str], str] = {
    (RECTIFICATION, "requested", ACCEPT): "accepted",
    (RECTIFICATION, "requested", REJECT): "rejected",
    (RECTIFICATION, "accepted", COMPLETE): "completed",
    (RECTIFICATION, "accepted", REJECT): "rejected",
    (ERASURE, "requested", ACCEPT): "completed",
    (ERASURE, "requested", REJECT): "rejected",
}
"""Kind, status, decision -> status."""
OPEN = frozenset(status for _, status, _ in NEXT)
DAYS = 15
"""Until it should be decided: the term that LGPD, art. 19, II sets for a complete answer. Counsel must confirm it for
corrections and erasures, whose term art. 18 leaves to regulation."""
_DAY = 86_400_000_000
_CODES = "urn:fhir-hub:CodeSystem:access"

Value = dict[str, Any]
"""value[x] of an input or output: {"valueString": "..."}."""


def asked(
    kind: str, patient: str, speaker: str, subject: str, now: int, inputs: Iterable[tuple[str, Value]],
    focus: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A new request. focus: what it is about, "Observation/1"."""
    return {
        "resourceType": "Task", "status": "requested", "intent": "order", "priority": "routine",
        "code": {"coding": [{"system": SYSTEM, "code": REQUEST}, {"system": SYSTEM, "code": kind}]},
        **({"focus": {"reference": focus}} if focus else {}),
        "for": {"reference": f"Patient/{patient}"}, "authoredOn": instant(now), "lastModified": instant(now),
        "requester": {"reference": f"Patient/{patient}"} if speaker == PATIENT
        else {"identifier": {"system": "urn:fhir-hub:subject", "value": subject}},
        "performerType": [{"coding": [{"system": _CODES, "code": "privacy-officer"}]}],
        "restriction": {"period": {"end": instant(now + DAYS * _DAY)}},
        "input": [{"type": {"coding": [{"system": SYSTEM, "code": name}]}} | value for name, value in inputs],
    }  # fmt: skip


def kind_of(task: Mapping[str, Any]) -> str | None:
    """RECTIFICATION or ERASURE; None: some other Task."""
    codings = (task.get("code") or {}).get("coding", ())
    codes = {one.get("code") for one in codings if one.get("system") == SYSTEM}
    return next((kind for kind in KINDS if kind in codes and REQUEST in codes), None)


def named(task: Mapping[str, Any], name: str, where: str = "input") -> list[Value]:
    """The inputs or outputs of a name."""
    return [
        one for one in task.get(where, ())
        if any(coding.get("code") == name for coding in one["type"].get("coding", ()))
    ]  # fmt: skip


def following(task: Mapping[str, Any], decision: str) -> str:
    """The status after a decision. Raises Unprocessable for another Task, Conflict for a state without it."""
    kind = kind_of(task)
    if kind is None:
        raise Unprocessable(
            "this Task is no request of a data subject", code="business-rule", expression=("Task.code",)
        )
    status = NEXT.get((kind, str(task.get("status")), decision))
    if status is None:
        raise Conflict("the state of the request does not allow this decision", expression=("Task.status",))
    return status


def decided(
    task: Mapping[str, Any], status: str, reason: str, now: int, outputs: Iterable[tuple[str, Value]] = ()
) -> dict[str, Any]:
    """The Task after a decision: its reason, and what came of it. outputs: name, or name/class of data, and value."""
    made = [{"type": {"coding": _codings(name)}} | value for name, value in outputs]
    output = [*task.get("output", ()), *made]
    ended = status not in OPEN
    period = {"executionPeriod": {"start": task["authoredOn"], "end": instant(now)}} if ended else {}
    return {
        **task, "status": status, "statusReason": {"text": reason}, "lastModified": instant(now), **period,
        **({"output": output} if output else {}),
    }  # fmt: skip


def _codings(name: str) -> list[dict[str, str]]:
    code, _, data_class = name.partition("/")
    own = [{"system": SYSTEM, "code": code}]
    return [*own, {"system": CLASSES, "code": data_class}] if data_class else own
