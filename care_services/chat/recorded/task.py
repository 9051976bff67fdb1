"""People are called: a Task with the promise as its end, and what they need to know as inputs of their own. Pure.

https://hl7.org/fhir/R4/task.html. The care services' contract, section 7. Types of the inputs, each a coding of the
system `resumo`: `level` (valueCode), `reason`, `said` (a text that the member is told), `rule` and `finding` (beside
the type a coding of the system `regra` or `achado` that says which; the value is its title, or the member's words),
`answers` and `assessment` (valueReference), `position` (latitude and longitude) and `place` (in words) of where
somebody is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from care_services.chat.conversation import Desk, Located, Turn
from care_services.chat.known import Where
from care_services.chat.recorded.data_request import data_request
from care_services.chat.recorded.place import Place, added, instant
from mappings.identifiers import Systems, coding, concept

Json = Any

_ADMINISTRATIVE = ("service-desk", "data-subject-request")


def task(desk: Desk, turn: Turn, focus: Json, made: dict[str, Json], place: Place) -> Json:
    """focus: the episode or the message; made: references to `answers` and `assessment`, where there are such."""
    now = turn.conversation
    number = [{"system": place.systems.sid("protocolo"), "value": now.protocol}] if now.protocol else []
    made_of = {
        "resourceType": "Task",
        "identifier": number,
        "partOf": [{"reference": f"Task/{place.task['id']}"}],
        "status": "requested",
        "intent": "order",
        "priority": desk.priority,
        "code": concept(coding(place.systems.codes("tarefa"), desk.code)),
        "focus": focus,
        "for": place.member,
        "authoredOn": instant(place.now),
        "lastModified": instant(place.now),
        "requester": {"reference": place.device},
        "restriction": {"period": {"end": instant(place.now + timedelta(minutes=desk.minutes))}},
        "input": _inputs(desk, turn, made, place.systems),
    }
    return data_request(made_of, desk.reason) if desk.code == "data-subject-request" else made_of


def located(found: Located, systems: Systems) -> Json:
    """The entry that adds where somebody is to a Task that is there: an input more for whoever has it."""
    return added(found.task, [("input/-", one) for one in _where(found.where, systems)])


def _inputs(desk: Desk, turn: Turn, made: dict[str, Json], systems: Systems) -> list[Json]:
    found = [{"type": _type(systems, "reason"), "valueString": desk.reason}]
    if desk.code not in _ADMINISTRATIVE:
        found += _clinical(turn, systems)
    found += [{"type": {"text": kind}, "valueString": value} for kind, value in turn.conversation.given]
    found += [{"type": _type(systems, "said"), "valueString": one.text} for one in turn.says]
    return found + [{"type": _type(systems, name), "valueReference": one} for name, one in made.items()]


def _clinical(turn: Turn, systems: Systems) -> list[Json]:
    """What those who answer no question of health do not see."""
    state, told = turn.conversation.interview, turn.conversation.told
    level = {"type": _type(systems, "level"), "valueCode": told or state.level}
    found = [level] if told is not None or state.answers else []
    found += [
        {"type": _type(systems, "rule", ("regra", one.id)), "valueString": f"{one.title} ({one.level})"}
        for one in state.fired
    ]
    found += [
        {"type": _type(systems, "finding", ("achado", code)), "valueString": one.quote or code}
        for code, one in state.known().items()
    ]
    return found + (_where(turn.conversation.where, systems) if turn.conversation.where else [])


def _where(where: Where, systems: Systems) -> list[Json]:
    at = where.position
    found = [("position", f"{at[0]:.6f},{at[1]:.6f}")] if at else []
    found += [("place", where.said)] if where.said else []
    return [{"type": _type(systems, name), "valueString": value} for name, value in found]


def _type(systems: Systems, name: str, which: tuple[str, str] | None = None) -> Json:
    own = coding(systems.codes("resumo"), name)
    return concept(own, coding(systems.codes(which[0]), which[1])) if which else concept(own)
