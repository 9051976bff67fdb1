"""The Task of a conversation: who talks to which number, and where it stands. Pure.

https://hl7.org/fhir/R4/task.html. The care services' contract, section 3.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.recorded.place import Place, instant
from mappings.identifiers import Systems, coding, concept

Json = Any

STATES = "estado-da-conversa"
"""Code system of `businessStatus`."""


def key(message: Json, systems: Systems) -> str | None:
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


def begun(message: Json, key: str, systems: Systems) -> Json:
    """The Task of a conversation that begins with a Communication."""
    who = message["sender"]
    return {
        "resourceType": "Task",
        "identifier": [{"system": systems.sid("whatsapp/conversa"), "value": key}],
        "status": "in-progress",
        "intent": "order",
        "code": concept(coding(systems.codes("tarefa"), "conversation")),
        "for": {name: who[name] for name in ("extension", "identifier") if name in who},
        "businessStatus": standing("new", systems),
    }


def standing(state: str, systems: Systems) -> Json:
    """The state as `businessStatus`."""
    return {**concept(coding(systems.codes(STATES), state)), "text": state}


def moved(status: Json, state: str) -> Json:
    """A `businessStatus` with another state."""
    return {"coding": [{**one, "code": state} for one in status["coding"]], "text": state}


def changed(name: str, stored: str, encounter: Json | None, place: Place) -> Json:
    """The entry that changes it, unless somebody else did. name: of the state; stored: all that the engine knows."""
    task = {
        **{element: value for element, value in place.task.items() if element != "encounter"},
        "businessStatus": standing(name, place.systems),
        "lastModified": instant(place.now),
        "input": [{"type": {"text": "conversation"}, "valueString": stored}],
        **({"encounter": encounter} if encounter else {}),
    }
    version = place.task["meta"]["versionId"]
    return {"resource": task, "request": {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": f'W/"{version}"'}}
