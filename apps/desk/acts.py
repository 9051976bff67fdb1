"""What a person does with a case, each as one transaction: the Task changed with If-Match, and who did it why. Pure.

https://hl7.org/fhir/R4/task.html, https://hl7.org/fhir/R4/provenance.html. `businessStatus` of the Task says what was
done last. What a form sends twice is made once: it is named by the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.desk import talk
from apps.desk.case import Case
from apps.desk.queue import same

Json = Any

LEVELS = ("non-urgent", "less-urgent", "urgent", "very-urgent", "emergency")
FLAGGED = LEVELS[3:]
"""Levels that are a Flag too."""
REQUESTS = "urn:fhir-hub:CodeSystem:data-subject-request"
"""The system by which requests about data name their kinds."""
OUTCOMES = ("solved", "advised", "sent-to-care", "not-reached", "not-needed")


class Impossible(Exception):
    """It cannot be done now; the text is the key of what to say (`words.py`)."""

    def __init__(self, key: str, **slots: str) -> None:
        super().__init__(key)
        self.key, self.slots = key, slots


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, when, and the name of the form it was sent by."""

    user: Mapping[str, Any]
    """Reference."""
    now: datetime
    form: str

    @property
    def instant(self) -> str:
        """The moment, as FHIR has it."""
        return instant(self.now)


def instant(moment: datetime) -> str:
    """A moment, as FHIR has it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def take(case: Case, by: By) -> Json:
    """The Task is theirs. Raises Impossible: somebody else has it."""
    owner = case.task.get("owner")
    if owner is not None and not same(owner, by.user):
        raise Impossible("taken", owner=str(owner.get("display") or "?"))
    status = {} if own_course(case.task) else {"status": "in-progress"}
    return _bundle(case, by, "taken", {"owner": dict(by.user), **status})


def release(case: Case, by: By) -> Json:
    """The Task is nobody's again, and its promise what it was. Raises Impossible."""
    _own(case, by)
    left = {name: value for name, value in case.task.items() if name != "owner"}
    status = {} if own_course(case.task) else {"status": "requested"}
    return _bundle(replace(case, task=left), by, "released", status)


def answer(case: Case, by: By, text: str) -> Json:
    """Something is said to the member, from the number they wrote to. Raises Impossible."""
    _own(case, by)
    return _bundle(case, by, "answering", {}, [_said(case, by, text)])


def change_level(case: Case, by: By, level: str, reason: str) -> Json:
    """Another level, with the service's as its parent; the same: that is final. The Flag follows. Raises Impossible."""
    _own(case, by)
    if not case.risks:
        raise Impossible("no level")
    if level not in LEVELS or not reason.strip():
        raise Impossible("say why")
    ours = case.risks[0]
    made: list[Json]
    if level == level_of(ours):
        made = [{"resource": {**ours, "status": "final"}, "request": _put(ours)}]
        about = f"RiskAssessment/{ours['id']}"
    else:
        about = "urn:uuid:6a0e1b0e-5d0f-4f3a-9c39-7b0f3d3c5a10"
        kept: Json = {name: ours[name] for name in ("subject", "encounter") if name in ours}
        risk = {
            "resourceType": "RiskAssessment", "identifier": [_named(case, by)], "status": "final",
            "parent": {"reference": f"RiskAssessment/{ours['id']}"}, **kept,
            "method": {"text": "a professional's judgement"}, "occurrenceDateTime": by.instant,
            "performer": dict(by.user), "basis": [{"reference": f"RiskAssessment/{ours['id']}"}],
            "prediction": [{"qualitativeRisk": _concept(case, "urgencia", level)}],
            "note": [{"authorReference": dict(by.user), "time": by.instant, "text": reason}],
        }  # fmt: skip
        made = [{"fullUrl": about, **_posted(case, by, risk)}, *_flags(case, by, level, kept)]
    return _bundle(case, by, _before(case), {}, made, reason, about)


def book(case: Case, by: By, start: datetime, minutes: int, what: str, *, sure: bool, tell: str = "") -> Json:
    """An Appointment: the proposed one that waits, else a new one. sure: booked, else proposed. tell: and the member
    is told. Raises Impossible."""
    _own(case, by)
    if start <= by.now:
        raise Impossible("past")
    waiting = next((one for one in case.appointments or () if one.get("status") == "proposed"), None)
    status = "booked" if sure else "proposed"
    made = {
        **(waiting or {"resourceType": "Appointment", "identifier": [_named(case, by)]}), "status": status,
        "start": instant(start), "end": instant(start + timedelta(minutes=minutes)), "minutesDuration": minutes,
        "participant": [{"actor": case.task["for"], "status": "accepted" if sure else "needs-action"}],
        **({"description": what} if what else {}),
    }  # fmt: skip
    entry = _posted(case, by, made) if waiting is None else {"resource": made, "request": _put(waiting)}
    more = [_said(case, by, tell)] if tell else []
    done = "answering" if tell else _before(case)
    return _bundle(case, by, done, {}, [entry, *more], f"appointment {status}")


def give_back(case: Case, by: By) -> Json:
    """The service talks again. Raises Impossible."""
    _own(case, by)
    return _bundle(case, by, "returned", {})


def close(case: Case, by: By, outcome: str, text: str, *, back: bool) -> Json:
    """It is done. back: and the service talks again. Raises Impossible."""
    _own(case, by)
    if own_course(case.task):
        raise Impossible("decided elsewhere")
    if outcome not in OUTCOMES:
        raise Impossible("say what came of it")
    said = [{"type": _concept(case, "desfecho", outcome), "valueString": text.strip() or outcome}]
    changed = {
        "status": "completed", "output": [*case.task.get("output", ()), *said],
        "executionPeriod": {**case.task.get("executionPeriod", {}), "end": by.instant},
    }  # fmt: skip
    return _bundle(case, by, "returned" if back else "closed", changed, (), outcome)


def own_course(task: Json) -> bool:
    """Whether its states are those of a request about data, which an operation of the record decides."""
    return any(one.get("system") == REQUESTS for one in task.get("code", {}).get("coding", ()))


def level_of(risk: Json) -> str:
    """The level of a RiskAssessment."""
    found = risk.get("prediction", [{}])[0].get("qualitativeRisk", {}).get("coding", ())
    return next((str(one["code"]) for one in found if "code" in one), "")


def base(task: Json) -> str:
    """Base of the project's own systems, as the member's identity or the Task's code is named by one of them."""
    named = [str(task.get("for", {}).get("identifier", {}).get("system", ""))]
    named += [str(one.get("system", "")) for one in task.get("code", {}).get("coding", ())]
    for one in named:
        for part in ("/sid/", "/CodeSystem/"):
            if part in one:
                return one.partition(part)[0]
    return "urn:fhir-hub"


def _before(case: Case) -> str:
    """What was done last, which stays so."""
    return next((str(one["code"]) for one in case.task.get("businessStatus", {}).get("coding", ())), "taken")


def _own(case: Case, by: By) -> None:
    owner = case.task.get("owner")
    if owner is None:
        raise Impossible("take first")
    if not same(owner, by.user):
        raise Impossible("taken", owner=str(owner.get("display") or "?"))


def _said(case: Case, by: By, text: str) -> Json:
    last, until = talk.newest(case.communications), talk.open_until(case.communications)
    if not text.strip():
        raise Impossible("nothing said")
    if last is None or until is None or until <= by.now:
        raise Impossible("window closed")
    focus = case.task.get("focus", {})
    made = {
        "resourceType": "CommunicationRequest", "identifier": [_named(case, by)], "status": "active",
        "category": [_concept(case, "aviso", "answer")], "priority": case.task.get("priority", "routine"),
        "about": [{"reference": f"Communication/{last['id']}"}], "payload": [{"contentString": text.strip()}],
        **({"encounter": focus} if focus.get("reference", "").startswith("Encounter/") else {}),
        "authoredOn": by.instant, "occurrenceDateTime": by.instant,  # no broker stands before it
        "requester": dict(by.user), "recipient": [case.task["for"]], "sender": last["recipient"][0],
    }  # fmt: skip
    return _posted(case, by, made)


def _flags(case: Case, by: By, level: str, kept: Json) -> list[Json]:
    """The Flag after another level: changed, ended, or raised."""
    active = [one for one in case.flags or () if one.get("status") == "active" and _urgency(one)]
    if level not in FLAGGED:
        ended = ({**one, "status": "inactive", "period": {**one.get("period", {}), "end": by.instant}}
                 for one in active)  # fmt: skip
        return [{"resource": one, "request": _put(one)} for one in ended]
    code = _concept(case, "urgencia", level)
    if active:
        return [{"resource": {**one, "code": code}, "request": _put(one)} for one in active]
    made = {
        "resourceType": "Flag", "identifier": [_named(case, by)], "status": "active", "code": code, **kept,
        "author": dict(by.user), "period": {"start": by.instant},
    }  # fmt: skip
    return [_posted(case, by, made)]


def _urgency(flag: Json) -> bool:
    return any(one.get("code") in LEVELS for one in flag.get("code", {}).get("coding", ()))


def _bundle(
    case: Case, by: By, done: str, changed: Json, more: Sequence[Json] = (), reason: str = "", about: str = ""
) -> Json:  # fmt: skip
    """The transaction. done: what `businessStatus` says; about: what the act is about beside the Task."""
    task = {
        **case.task, **changed, "businessStatus": _concept(case, "ato-da-mesa", done), "lastModified": by.instant,
    }  # fmt: skip
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": f"Task/{task['id']}"}, *([{"reference": about}] if about else [])],
        "occurredDateTime": by.instant, "recorded": by.instant, "activity": _concept(case, "ato-da-mesa", done),
        **({"reason": [{"text": reason}]} if reason else {}),
        "agent": [{"who": dict(by.user)}],
    }  # fmt: skip
    entries = [
        {"resource": task, "request": _put(task)}, *more,
        {"resource": provenance, "request": {"method": "POST", "url": "Provenance"}},
    ]  # fmt: skip
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _put(resource: Json) -> Json:
    version = resource["meta"]["versionId"]
    return {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}", "ifMatch": f'W/"{version}"'}


def _posted(case: Case, by: By, resource: Json) -> Json:
    """Made once for the form."""
    name, kind = _named(case, by), resource["resourceType"]
    where = f"identifier={name['system']}|{name['value']}"
    return {"resource": resource, "request": {"method": "POST", "url": kind, "ifNoneExist": where}}


def _named(case: Case, by: By) -> Json:
    return {"system": f"{base(case.task)}/sid/mesa", "value": f"{case.task['id']}.{by.form}"}


def _concept(case: Case, system: str, code: str) -> Json:
    return {"coding": [{"system": f"{base(case.task)}/CodeSystem/{system}", "code": code}]}
