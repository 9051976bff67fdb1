"""A message of a person -> Communication. https://hl7.org/fhir/R4/communication.html

It is identified by the channel's message id, so that the same told again is the same resource. Who wrote is named by
identifier alone: whose record it belongs to is decided elsewhere, by proof.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from mappings.identifiers import Systems, coding, concept
from mappings.whatsapp.webhook import Message, Sender

Json = Any

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
KINDS = ("edit", "revoke", "reaction", "system")
"""Types that say something about another message or about the channel: marked, since they get no turn of their own."""


FILE, SHA256 = "arquivo-do-canal", "arquivo-sha256"
"""Extensions of a part that is a file: the channel's id of it, and its digest as the message told it."""


def message_id(systems: Systems) -> str:
    """The system of the channel's message ids."""
    return systems.sid("whatsapp/mensagem")


def to_communication(message: Message, systems: Systems, *, received: datetime, subject: str | None = None) -> Json:
    """The message as Communication. received: when it reached us; subject: whose record it is part of, if known."""
    made: Json = {
        "resourceType": "Communication",
        "identifier": [{"system": message_id(systems), "value": message.id}],
        "status": "completed",
        "category": [concept(coding(systems.codes("mensagem"), message.kind))],
        "medium": [concept(coding(_MODE, "ONLINEWRIT"))],
        "sent": datetime.fromtimestamp(message.at, UTC).isoformat().replace("+00:00", "Z"),
        "received": received.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "recipient": [_numbered(systems, "whatsapp/numero", message.number)],
        "sender": sender(message.sender, systems),
    }
    if subject is not None:
        made["subject"] = {"reference": subject}
    if message.answers:
        made["inResponseTo"] = [_other(systems, message.answers)]
    if message.changes:
        made["partOf"] = [_other(systems, message.changes)]
    payload = _payload(message, systems)
    if payload:
        made["payload"] = payload
    return made


def sender(who: Sender, systems: Systems) -> Json:
    """Who wrote, by the channel's identity: id within the business where there is one, telephone number besides."""
    phone = [{"url": systems.extension("telefone"), "valueString": who.phone}] if who.phone else []
    named = (
        _numbered(systems, "whatsapp/usuario", who.user)
        if who.user
        else _numbered(systems, "telefone", who.phone or "desconhecido")
    )
    return {**({"extension": phone} if phone else {}), **named}


def _numbered(systems: Systems, system: str, value: str) -> Json:
    return {"identifier": {"system": systems.sid(system), "value": value}}


def _other(systems: Systems, id: str) -> Json:
    return {"type": "Communication", "identifier": {"system": message_id(systems), "value": id}}


def _payload(message: Message, systems: Systems) -> list[Json]:
    parts: list[Json] = []
    if message.text:
        tapped = [{"url": systems.extension("botao"), "valueString": message.tapped}] if message.tapped else []
        # FHIR's strings have no control characters; what was written is told without them rather than not at all.
        text = _CONTROL.sub(" ", message.text)
        parts.append({**({"extension": tapped} if tapped else {}), "contentString": text})
    if message.media:
        media = message.media
        # A code of FHIR has single spaces within, and none around it.
        known = {"contentType": " ".join((media.content_type or "").split()), "title": media.name}
        told = [{"url": systems.extension(FILE), "valueString": media.id}]
        if media.sha256:
            told.append({"url": systems.extension(SHA256), "valueString": media.sha256})
        parts.append(
            {
                "extension": told,
                "contentAttachment": {name: value for name, value in known.items() if value} or {"title": message.kind},
            }
        )
    if message.place:
        place = message.place
        called = _CONTROL.sub(" ", ", ".join(str(one) for one in (place.name, place.address) if one)).strip()
        parts.append({"contentString": f"geo:{place.latitude},{place.longitude}"})
        parts += [{"contentString": called}] if called else []
    return parts
