"""What is said to the member: in one turn one message; and after a level the question how they are. Pure.

https://hl7.org/fhir/R4/communicationrequest.html. The care services' contract, sections 2, 4 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from care_services.chat.conversation import EMERGENCY, HUMAN, Conversation, Say
from care_services.chat.recorded.place import AIAST, Place, instant
from mappings.identifiers import coding, concept

Json = Any

PRIORITIES = {"emergency": "stat", "very-urgent": "asap", "urgent": "urgent"}
"""Level -> priority of what is said; routine for others."""
ASKS_PLACE = "pede-localizacao"
"""Extension of a payload below which the channel shows its button for a location, where no other can be tapped."""
CHECK_INS = "safety"
"""Their category of notices."""
CHECK_IN = "template_check_in"
"""The text M-14: how somebody is, with no clinical word."""


def said(says: Sequence[Say], level: str | None, encounter: Json | None, place: Place) -> Json:
    """The message that answers a turn. level: that was told in the episode."""
    whole = together(says)
    url = place.systems.extension("botao")
    shown: list[Json] = [
        {"url": url, "extension": [{"url": "id", "valueString": one.id}, {"url": "titulo", "valueString": one.title}]}
        for one in whole.options
    ]
    if whole.place and not shown:
        shown = [{"url": place.systems.extension(ASKS_PLACE), "valueBoolean": True}]
    payload = {**({"extension": shown} if shown else {}), "contentString": whole.text}
    labelled = {"meta": {"security": [AIAST]}} if any(one.by for one in says) else {}
    return {**_request("answer", level, encounter, place), **labelled, "payload": [payload]}


def together(says: Sequence[Say]) -> Say:
    """What is said in one turn as one text; what can be tapped is that of the first that has something."""
    options = next((one.options for one in says if one.options), ())
    place = any(one.place for one in says)
    return Say("+".join(one.name for one in says), "\n\n".join(one.text for one in says), options, place=place)


def check_in(level: str, hours: int, encounter: Json, place: Place) -> Json:
    """The question how somebody is, asked in some hours unless a person has taken over by then."""
    return {
        **_request(CHECK_INS, level, encounter, place),
        "basedOn": [{"reference": f"Task/{place.task['id']}"}],
        "payload": [{"contentString": place.rules.texts[CHECK_IN]}],
        "occurrenceDateTime": instant(place.now + timedelta(hours=hours)),
    }


def overtaken(talk: Conversation, authored: datetime) -> str | None:
    """Why a check-in is not asked any more, as the conversation stands when it is due; None: it is asked."""
    if talk.taken or talk.state in (HUMAN, EMERGENCY):
        return "a person has taken over"
    if talk.told is None or talk.told_at > authored.timestamp():
        return "the episode is over, or another level was told since"
    return None


def _request(category: str, level: str | None, encounter: Json | None, place: Place) -> Json:
    return {
        "resourceType": "CommunicationRequest",
        "status": "active",
        "category": [concept(coding(place.systems.codes("aviso"), category))],
        "priority": PRIORITIES.get(level or "", "routine"),
        **({"subject": {"reference": place.member["reference"]}} if "reference" in place.member else {}),
        "about": [{"reference": place.message}],
        **({"encounter": encounter} if encounter else {}),
        "authoredOn": instant(place.now),
        "requester": {"reference": place.device},
        "recipient": [place.member],
        "sender": place.number,
    }
