"""What a CommunicationRequest says to the channel: whom, from which number, what, when; and the Communication of it.

Pure. https://hl7.org/fhir/R4/communicationrequest.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from care_services.chat.recorded.communication_request import ASKS_PLACE
from care_services.delivery.decision import Notice
from mappings.identifiers import Systems
from mappings.whatsapp.outgoing import BUTTONS, Choice, File, Text, To
from mappings.whatsapp.sends import Send, with_sends

Json = Any

ALIVE = {
    "safety": timedelta(hours=1), "authorization": timedelta(hours=12), "appointment": timedelta(hours=4),
    "wellness": timedelta(hours=72), "healthpoints": timedelta(hours=72),
}  # fmt: skip
"""Category -> for so long after it was due somebody may still be told; a day for others. What
gives way to other notices of the day still holds when its turn comes. Contract, section 9."""
_DAY = timedelta(hours=24)
TEMPLATE, SLOT, UNTIL = "modelo", "vaga", "vale-ate"
"""Extensions of a request: it goes as a template from now on; what a slot of its template says; until when it holds."""
LEVELS = {"stat": "emergency", "asap": "very-urgent", "urgent": "urgent"}
"""Priority of a request -> level of urgency that it comes from."""
EMAIL, SMS, PUSH = "EMAILWRIT", "SMSWRIT", "ONLINEWRIT"
MEDIA = (EMAIL, SMS, PUSH)
"""Of v3-ParticipationMode: other channels than WhatsApp."""
BROWSERS = "navegadores"
"""System of the identifier of whoever is told in their browsers: the id of their Patient."""
WATCHED = frozenset({"stat", "asap"})
"""Priorities of M-04, M-06 and M-07."""
OPENER = "Escolher"
"""Opens a list."""


def notice(request: Json, systems: Systems, template: str | None = None) -> Notice:
    """What is to be said, as the decision about it needs it. template: that of its category."""
    category = request["category"][0]["coding"][0]["code"]
    return Notice(category, expires(request, systems), template, LEVELS.get(request.get("priority", "")))


def expires(request: Json, systems: Systems) -> datetime:
    """Until when a request holds: from when it was first due on, whenever it is tried again."""
    for one in _own(request, systems, UNTIL):
        return datetime.fromisoformat(one["valueInstant"])
    begins = due(request) or datetime.fromisoformat(request["authoredOn"])
    return begins + ALIVE.get(request["category"][0]["coding"][0]["code"], _DAY)


def as_template(request: Json, systems: Systems) -> bool:
    """Whether it goes as a template, though its window may be open."""
    return any(one["valueBoolean"] for one in _own(request, systems, TEMPLATE))


def slots(request: Json, systems: Systems) -> dict[str, str]:
    """What is known for the slots of a template."""
    found = {}
    for one in _own(request, systems, SLOT):
        part = {each["url"]: each["valueString"] for each in one["extension"]}
        found[part["nome"]] = part["valor"]
    return found


def _own(request: Json, systems: Systems, name: str) -> list[Json]:
    return [one for one in request.get("extension", ()) if one["url"] == systems.extension(name)]


def route(request: Json, systems: Systems) -> tuple[str | None, To]:
    """The business number it leaves from, and whom it goes to; None: it does not go by WhatsApp."""
    if medium(request) is not None:
        return None, To()
    sender = request.get("sender", {}).get("identifier", {})
    whom: Json = next(iter(request.get("recipient", ())), {})
    named = whom.get("identifier", {})
    phone = next(
        (one["valueString"] for one in whom.get("extension", ()) if one["url"] == systems.extension("telefone")), None
    )
    user = named.get("value") if named.get("system") == systems.sid("whatsapp/usuario") else None
    if phone is None and named.get("system") == systems.sid("telefone"):
        phone = named.get("value")
    number = sender.get("value") if sender.get("system") == systems.sid("whatsapp/numero") else None
    return (number if phone or user else None), To(phone=phone, user=user)


def file(request: Json) -> Json | None:
    """What is sent as a file: the first part of the payload that is one; None: it is a text."""
    return next((one["contentAttachment"] for one in request["payload"] if "contentAttachment" in one), None)


def as_file(request: Json, id: str, kind: str) -> File:
    """The file, uploaded under an id, with the text of the request below it. kind: its type."""
    family = kind.split("/")[0]
    caption = next((one["contentString"] for one in request["payload"] if "contentString" in one), "")
    title = str((file(request) or {}).get("title", ""))
    return File(family if family in ("image", "audio", "video") else "document", id, caption, title)


def content(request: Json, systems: Systems) -> Text:
    """The text, with what can be tapped below it: buttons, a list where they are too many, or that for a location."""
    payload, url = request["payload"][0], systems.extension("botao")
    shown = []
    for one in payload.get("extension", ()):
        if one["url"] == url:
            part = {each["url"]: each["valueString"] for each in one["extension"]}
            shown.append(Choice(part["id"], part["titulo"]))
    text = payload["contentString"]
    if len(shown) > BUTTONS:
        return Text(text, rows=shown, opener=OPENER)
    asks = any(one["url"] == systems.extension(ASKS_PLACE) for one in payload.get("extension", ()))
    return Text(text, shown, place=asks)


def about_to(request: Json, first: Send, systems: Systems) -> Json:
    """The Communication before it is sent for the first time."""
    made = {
        "resourceType": "Communication",
        "identifier": [{"system": systems.sid("whatsapp/pedido"), "value": request["id"]}],
        "basedOn": [{"reference": f"CommunicationRequest/{request['id']}"}],
        "status": "preparation",
        **({"subject": request["subject"]} if "subject" in request else {}),
        "category": request["category"],
        "priority": request.get("priority", "routine"),
        "recipient": request["recipient"][:1],
        **({name: request[name] for name in ("sender", "medium") if name in request}),
        "payload": request["payload"],
    }
    return with_sends(made, [first], systems)


def medium(request: Json) -> str | None:
    """The further channel that a request goes by; None: it goes by WhatsApp."""
    codes = [each.get("code") for one in request.get("medium", ()) for each in one.get("coding", ())]
    return next((str(code) for code in codes if code in MEDIA), None)


def email(whom: Json) -> str | None:
    """The address of a recipient who is named by one."""
    value = str(whom.get("identifier", {}).get("value", ""))
    return value.removeprefix("mailto:") if value.startswith("mailto:") else None


def in_browsers(whom: Json, systems: Systems) -> str | None:
    """Id of the Patient that a recipient is, who is told in their browsers."""
    named = whom.get("identifier", {})
    return str(named["value"]) if named.get("system") == systems.sid(BROWSERS) and named.get("value") else None


def further(whom: Json, systems: Systems) -> str:
    """The further channel that a recipient is named for."""
    return EMAIL if email(whom) else PUSH if in_browsers(whom, systems) else SMS


def due(request: Json) -> datetime | None:
    """When it is to be sent, or tried again; None: at once."""
    found = request.get("occurrenceDateTime")
    return datetime.fromisoformat(found) if found else None


def watched(one: Json) -> bool:
    """Whether a request, or the Communication made of it, is done only once the channel says that it was sent."""
    return one.get("priority") in WATCHED
