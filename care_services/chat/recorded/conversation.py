"""The Task of a conversation: who talks to which number, and where it stands. Pure.

https://hl7.org/fhir/R4/task.html. The care services' contract, section 3.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.recorded.place import Place, instant
from mappings.identifiers import Systems, coding, concept
from mappings.whatsapp.phone import digits, same

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


def met(task: Json, message: Json, systems: Systems) -> tuple[Json, bool]:
    """The Task with the telephone number that the member writes from now, and whether that is another line."""
    now, before = phone(message["sender"], systems), phone(task["for"], systems)
    if now is None or (before is not None and digits(now) == digits(before)):
        return task, False
    who = {name: message["sender"][name] for name in ("extension", "identifier") if name in message["sender"]}
    moved = before is not None and not same(before, now)
    return {**task, "for": {**task["for"], **who}}, moved


def phone(who: Json, systems: Systems) -> str | None:
    """The telephone number of an identity, if the channel told one."""
    named = who.get("identifier", {})
    if named.get("system") == systems.sid("telefone"):
        return str(named["value"])
    url = systems.extension("telefone")
    return next((one["valueString"] for one in who.get("extension", ()) if one["url"] == url), None)


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
