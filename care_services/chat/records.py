"""What a turn leaves in the record: one transaction, or nothing. Pure. The care services' contract, section 7.

https://hl7.org/fhir/R4/task.html, .../communicationrequest.html, .../riskassessment.html, .../flag.html. Whose record
it is nobody has proved yet: people are named by their identity on the channel alone. What is said in one turn is one
CommunicationRequest, hence one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from care_services.chat.conversation import Choice, Concluded, Desk, Say, Turn
from care_services.triage.rule_set import RuleSet
from mappings.identifiers import Systems, coding, concept

Json = Any

PRIORITIES = {"emergency": "stat", "very-urgent": "asap", "urgent": "urgent"}
"""Level -> priority of what is said; routine for others."""
_PRIVACY = "http://terminology.hl7.org/CodeSystem/consentscope"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn was: the conversation's Task, the member's Communication, the moment."""

    task: Json
    message: Json
    systems: Systems
    rules: RuleSet
    now: datetime


def conversation_key(message: Json, systems: Systems) -> str | None:
    """What names the conversation of a Communication: business number and identity; None: it is of no member."""
    number = next(
        (
            one["identifier"]["value"]
            for one in message.get("recipient", ())
            if one.get("identifier", {}).get("system") == systems.sid("whatsapp/numero")
        ),
        None,
    )
    identity = message.get("sender", {}).get("identifier", {}).get("value")
    return f"{number}:{identity}" if number and identity else None


def conversation_task(message: Json, key: str, systems: Systems) -> Json:
    """The Task of a conversation that begins."""
    return {
        "resourceType": "Task",
        "identifier": [{"system": systems.sid("whatsapp/conversa"), "value": key}],
        "status": "in-progress",
        "intent": "order",
        "code": concept(coding(systems.codes("tarefa"), "conversation")),
        "for": _member(message),
        "businessStatus": {"text": "new"},
    }


def entries(turn: Turn, state: str, place: Place) -> list[Json]:
    """The entries of the transaction. state: the conversation, as it is stored."""
    task = {
        **place.task,
        "businessStatus": {"text": turn.conversation.state},
        "lastModified": _instant(place.now),
        "input": [{"type": {"text": "conversation"}, "valueString": state}],
    }
    version = place.task["meta"]["versionId"]
    put = {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": f'W/"{version}"'}
    found = [{"resource": task, "request": put}]
    level = turn.conversation.told
    for number, effect in enumerate(turn.effects):
        match effect:
            case Desk():
                found.append(_new(_task(effect, turn, place), place, f"task-{number}"))
            case Concluded():
                found.append(_new(_risk(effect, place), place, f"risk-{number}"))
                if effect.flagged:
                    found.append(_new(_flag(effect, place), place, f"flag-{number}"))
            case Choice():
                found.append(_consent(effect, place))
    if turn.says:
        found.append(_new(_request(together(turn.says), level, place), place, "says"))
    return found


def together(says: Sequence[Say]) -> Say:
    """What is said in one turn as one text; what can be tapped is that of the first that has something."""
    options = next((one.options for one in says if one.options), ())
    return Say("+".join(one.name for one in says), "\n\n".join(one.text for one in says), options)


def _new(resource: Json, place: Place, what: str) -> Json:
    """Created once for the message, whoever tries again."""
    system, value = place.systems.sid("conversa-efeito"), f"{place.message['id']}.{what}"
    made = {**resource, "identifier": [*resource.get("identifier", ()), {"system": system, "value": value}]}
    kind = resource["resourceType"]
    return {"resource": made, "request": {"method": "POST", "url": kind, "ifNoneExist": f"identifier={system}|{value}"}}


def _task(desk: Desk, turn: Turn, place: Place) -> Json:
    state = turn.conversation.interview
    present = [f"{code}: “{one.quote}”" for code, one in state.present().items()]
    summary = [
        f"level: {turn.conversation.told or state.level}", f"reason: {desk.reason}",
        *(f"rule {one.id}: {one.title}" for one in state.fired), *present,
    ]  # fmt: skip
    protocol = turn.conversation.protocol
    number = [{"system": place.systems.sid("protocolo"), "value": protocol}] if protocol else []
    return {
        "resourceType": "Task",
        "identifier": number,
        "partOf": [{"reference": f"Task/{place.task['id']}"}],
        "status": "requested",
        "intent": "order",
        "priority": desk.priority,
        "code": concept(coding(place.systems.codes("tarefa"), desk.code)),
        "focus": {"reference": f"Communication/{place.message['id']}"},
        "for": _member(place.message),
        "authoredOn": _instant(place.now),
        "restriction": {"period": {"end": _instant(place.now + timedelta(minutes=desk.minutes))}},
        "input": [
            {"type": {"text": kind}, "valueString": value}
            for kind, value in (("summary", "\n".join(summary)), *turn.conversation.given)
        ],
    }


def _risk(found: Concluded, place: Place) -> Json:
    notes = [f"{one.id} ({one.level}): {one.title}" for one in found.fired]
    notes += [f"{code} [{one.source}]: “{one.quote}”" for code, one in found.findings.items()]
    made: Json = {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {"text": f"triage rules {place.rules.version}, {place.rules.status}"},
        "subject": _member(place.message),
        "occurrenceDateTime": _instant(place.now),
        "performer": {"display": "Assistente automático da AUSTA", "type": "Device"},
        "basis": [{"reference": f"Communication/{place.message['id']}"}],
        "prediction": [{"qualitativeRisk": _level(found.level, place.systems)}],
        "mitigation": place.rules.texts[f"action_{found.level}"],
    }
    return {**made, "note": [{"text": "\n".join(notes)}]} if notes else made


def _flag(found: Concluded, place: Place) -> Json:
    return {
        "resourceType": "Flag",
        "status": "active",
        "code": _level(found.level, place.systems),
        "subject": _member(place.message),
        "period": {"start": _instant(place.now)},
    }


def _consent(choice: Choice, place: Place) -> Json:
    """Notices are wanted, or not: the one Consent of an identity, a new version each time. Contract, section 9."""
    who = place.message["sender"]["identifier"]
    system = place.systems.sid("whatsapp/consentimento")
    category = coding("http://loinc.org", "59284-0")
    resource = {
        "resourceType": "Consent",
        "identifier": [{"system": system, "value": who["value"]}],
        "status": "active",
        "scope": concept(coding(_PRIVACY, "patient-privacy")),
        "category": [concept(category)],
        "patient": _member(place.message),
        "dateTime": _instant(place.now),
        "sourceReference": {"reference": f"Communication/{place.message['id']}"},
        "policyRule": {"text": f"texts {place.rules.version}"},
        "provision": {"type": "permit" if choice.notices else "deny"},
    }
    where = f"Consent?identifier={system}|{who['value']}"
    return {"resource": resource, "request": {"method": "PUT", "url": where}}


def _request(say: Say, level: str | None, place: Place) -> Json:
    url = place.systems.extension("botao")
    shown = [
        {"url": url, "extension": [{"url": "id", "valueString": one.id}, {"url": "titulo", "valueString": one.title}]}
        for one in say.options
    ]
    payload = {**({"extension": shown} if shown else {}), "contentString": say.text}
    return {
        "resourceType": "CommunicationRequest",
        "status": "active",
        "category": [concept(coding(place.systems.codes("aviso"), "answer"))],
        "priority": PRIORITIES.get(level or "", "routine"),
        "about": [{"reference": f"Communication/{place.message['id']}"}],
        "payload": [payload],
        "authoredOn": _instant(place.now),
        "recipient": [_member(place.message)],
        "sender": place.message["recipient"][0],
    }


def _member(message: Json) -> Json:
    """Whoever wrote, as the channel knows them."""
    who = message["sender"]
    return {**({"extension": who["extension"]} if "extension" in who else {}), "identifier": who["identifier"]}


def _level(level: str, systems: Systems) -> Json:
    return concept(coding(systems.codes("urgencia"), level))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
