"""A clinical episode: an Encounter that opens with the first symptom, and is triaged once a level is told. Pure.

https://hl7.org/fhir/R4/encounter.html. The care services' contract, section 3: it closes 24 h after its conclusion.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

from care_services.chat.conversation import ASKING, Concluded, Turn
from care_services.chat.recorded.place import Place, created, instant
from care_services.triage.levels import LEVELS
from mappings.identifiers import coding, concept

Json = Any

EPISODE = "conversa-episodio"
"""Naming system of its identifier: id of the conversation's Task, and the number of the episode."""
OPEN_FOR = timedelta(hours=24)
"""After its conclusion."""
_ACT, _PRIORITY = (f"http://terminology.hl7.org/CodeSystem/v3-{name}" for name in ("ActCode", "ActPriority"))
EMERGENCY = concept(coding(_PRIORITY, "EM", "emergency"))


def episode(turn: Turn, place: Place) -> tuple[Json | None, list[Json]]:
    """The Reference to the Encounter of the episode that is under way, if one is, and what is done to it."""
    value = f"{place.task['id']}.{turn.conversation.episode}"
    named = {"system": place.systems.sid(EPISODE), "value": value}
    known = place.task.get("encounter")
    if known is not None and known.get("identifier", {}).get("value") != value:
        known = None  # of an episode that is over
    level = next((one.level for one in turn.effects if isinstance(one, Concluded)), None)
    if known is None and level is None and turn.conversation.state not in ASKING:
        return None, []
    if known is not None:
        return known, [_patched(known["reference"], level, place)] if level else []
    made = created(_encounter(named, level, turn, place), named["system"], value)
    return {"reference": made["fullUrl"], "identifier": named}, [made]


def _encounter(named: Json, level: str | None, turn: Turn, place: Place) -> Json:
    since, moment = place.now, instant(place.now)
    history = [{"status": "arrived", "period": {"start": instant(since), "end": moment}}]
    if level is not None:
        history.append({"status": "in-progress", "period": {"start": moment, "end": moment}})
    return {
        "resourceType": "Encounter",
        "identifier": [named],
        "status": "in-progress" if level is None else "triaged",
        "statusHistory": history,
        "class": coding(_ACT, "VR", "virtual"),
        **({"priority": EMERGENCY} if level == LEVELS[-1] else {}),
        "subject": place.subject(turn.conversation.interview.about),
        "period": {"start": moment},
    }


def _patched(reference: str, level: str, place: Place) -> Json:
    """A level is told: whatever else is known of the Encounter by now stays. https://www.rfc-editor.org/rfc/rfc6902"""
    before = {"status": "in-progress", "period": {"end": instant(place.now)}}
    steps: list[Json] = [
        {"op": "replace", "path": "/status", "value": "triaged"},
        {"op": "add", "path": "/statusHistory/-", "value": before},
    ]
    if level == LEVELS[-1]:
        steps.append({"op": "add", "path": "/priority", "value": EMERGENCY})
    data = b64encode(json.dumps(steps).encode()).decode()
    patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    return {"resource": patch, "request": {"method": "PATCH", "url": reference}}


def emergency(encounter: Json) -> bool:
    """Whether it is one, whose end is for a person to say."""
    return bool(encounter.get("priority", {}).get("coding") == EMERGENCY["coding"])


def of(encounter: Json) -> tuple[str, int] | None:
    """Id of the conversation's Task, and the number of the episode there; None: it is of no conversation."""
    for one in encounter.get("identifier", ()):
        if one.get("system", "").endswith(f"/{EPISODE}"):
            task, _, number = one["value"].rpartition(".")
            return task, int(number)
    return None


def closes(encounter: Json) -> datetime:
    """When an Encounter that was triaged is over."""
    ended = [one["period"]["end"] for one in encounter["statusHistory"] if "end" in one["period"]]
    return datetime.fromisoformat(max(ended)) + OPEN_FOR


def closed(encounter: Json, now: datetime) -> Json:
    """The Encounter once it is over."""
    history = [*encounter["statusHistory"], {"status": encounter["status"], "period": {"end": instant(now)}}]
    period = {**encounter["period"], "end": instant(now)}
    return {**encounter, "status": "finished", "statusHistory": history, "period": period}
