"""`POST messages/send`: a CommunicationRequest to a member, made once for its Idempotency-Key.

It is made as the caller makes it, who may or may not. Whether and when it goes is decided where it is sent
(`care_services/delivery/`): consent, quiet hours, how often, by template where nobody wrote for a day.
https://hl7.org/fhir/R4/communicationrequest.html
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any

import orjson

from care_services.chat.recorded.place import instant
from care_services.delivery.decision import CATEGORIES
from care_services.delivery.templates import TEMPLATES, Model
from care_services.triage.rule_set import rules
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Conflict, Invalid, Unprocessable
from hub.api.as_caller import Refused
from hub.api.asked import Asked, answer, choice, members, text, wrong
from hub.whatsapp.authorization_told import phone_of
from hub.whatsapp.requested import SLOT, TEMPLATE
from mappings.identifiers import Systems, coding, concept
from mappings.whatsapp.outgoing import TEXT
from mappings.whatsapp.phone import digits
from mappings.whatsapp.sends import token

Json = Any

ROUTINE = "routine"
PRIORITIES = {
    "answer": (ROUTINE, "urgent", "asap", "stat"), "safety": (ROUTINE, "urgent", "asap", "stat"),
    "authorization": (ROUTINE, "urgent"), "appointment": (ROUTINE, "urgent"),
}  # fmt: skip
"""Category -> what it may be; others are routine: priority opens quiet hours, and from asap on stands above consent."""
PURPOSES = {"safety": "care", "authorization": "authorization", "appointment": "appointments"}
"""Category -> purpose of the business number it leaves from; other notices leave from that for notices."""
_KEY = re.compile(r"[!-~]{1,255}")
_PATIENT = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})")
_PHONE = re.compile(r"\+?[0-9][0-9 ()\-]{7,24}")
_SLOT = 200
"""Characters of what a slot says."""


async def send(request: Asked) -> FhirResponse:
    """202 with the reference of the CommunicationRequest. Raises FhirError, Refused."""
    if request.settings.whatsapp_url is None:
        raise Unprocessable("this hub has no channel to members: HUB_WHATSAPP_URL is not set", code="not-supported")
    request.parameters()
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        reason = "the header Idempotency-Key is needed: 1 to 255 printable ASCII characters without spaces"
        raise Invalid(reason, code="value" if key else "required", expression=["Idempotency-Key"])
    asked = request.document("to", "category", "priority", "text", "template", "slots")
    model = _template(asked)
    category = choice(asked, "category", tuple(CATEGORIES), model.category if model else None)
    if model is not None and category != model.category:
        raise wrong("category", "is another than the template's", "invariant")
    priority = choice(asked, "priority", PRIORITIES.get(category, (ROUTINE,)), ROUTINE)
    says, more = await _says(asked, model, request.systems)
    whom, subject = await _whom(asked, request)
    number, about = await _number(category, whom, request)
    systems, access = request.systems, request.access
    print_ = hashlib.sha256(orjson.dumps([asked, key], option=orjson.OPT_SORT_KEYS)).hexdigest()
    named = {
        "system": systems.sid("api/mensagem"),
        "value": hashlib.sha256("\n".join((access.client, access.subject, key)).encode()).hexdigest(),
    }
    person = (access.fhir_user or "").rsplit("/", 2)[-2:]
    who = {"reference": "/".join(person)} if len(person) == 2 else {
        "identifier": {"system": systems.sid("cliente"), "value": access.client or access.subject}
    }  # fmt: skip
    made = {
        "resourceType": "CommunicationRequest",
        "identifier": [named],
        "extension": [*more, {"url": systems.extension("api-impressao"), "valueString": print_}],
        "status": "active",
        "category": [concept(coding(systems.codes("aviso"), category))],
        "priority": priority,
        **({"subject": {"reference": subject}} if subject else {}),
        **({"about": [{"reference": about}]} if about else {}),
        "payload": [{"contentString": says}],
        "authoredOn": instant(request.now),
        "requester": who,
        "recipient": [whom],
        "sender": {"identifier": {"system": systems.sid("whatsapp/numero"), "value": number}},
    }
    new, kept = await request.record.create_once(made, f"identifier={named['system']}|{named['value']}")
    if not new and print_ not in (one.get("valueString") for one in kept.get("extension", ())):
        reason = "this Idempotency-Key was used for another message"
        raise Conflict(reason, code="duplicate", expression=["Idempotency-Key"])
    told = {"reference": f"CommunicationRequest/{kept['id']}", "status": kept["status"], "repeated": not new}
    return answer(told, 202)


def _template(asked: Json) -> Model | None:
    if ("template" in asked) == ("text" in asked):
        raise wrong("text", "either text or template is needed", "required" if "text" not in asked else "invariant")
    if "template" not in asked:
        if "slots" in asked:
            raise wrong("slots", "are those of a template", "invariant")
        return None
    known = {one.text.removeprefix("template_"): one for one in TEMPLATES}
    return known[choice(asked, "template", tuple(known))]


async def _says(asked: Json, model: Model | None, systems: Systems) -> tuple[str, list[Json]]:
    """The text, and the extensions of a template."""
    if model is None:
        return text(asked, "text", "text", TEXT, lines=True), []
    slots = members(asked.get("slots", {}), "slots", *model.slots)
    known = {name: text(slots, name, f"slots.{name}", _SLOT) for name in model.slots}
    using = await asyncio.to_thread(rules)
    more: list[Json] = [{"url": systems.extension(TEMPLATE), "valueBoolean": True}]
    for name, value in known.items():
        part = [{"url": "nome", "valueString": name}, {"url": "valor", "valueString": value}]
        more.append({"url": systems.extension(SLOT), "extension": part})
    return using.texts[model.text].format(**known), more


async def _whom(asked: Json, request: Asked) -> tuple[Json, str | None]:
    """The recipient, and the Patient it is about where they are named as one. Raises Unprocessable, Refused."""
    if "to" not in asked:
        raise wrong("to", "is needed", "required")
    to = members(asked["to"], "to", "patient", "identifier")
    systems = request.systems
    if len(to) != 1:
        raise wrong("to", "either patient or identifier", "invariant")
    if "patient" in to:
        found = _PATIENT.fullmatch(text(to, "patient", "to.patient", 80))
        if found is None:
            raise wrong("to.patient", "a reference such as Patient/1")
        try:
            patient = await request.record.read("Patient", found[1])
        except Refused as refused:
            if refused.status not in (404, 410):
                raise
            raise wrong("to.patient", "there is no such Patient", "not-found") from None
        phone = phone_of(patient)
        if phone is None:
            raise wrong("to.patient", "has no telephone number in use", "incomplete")
        whom = {"reference": found[0], "identifier": {"system": systems.sid("telefone"), "value": phone}}
        return whom, found[0]
    given = members(to["identifier"], "to.identifier", "system", "value")
    system = text(given, "system", "to.identifier.system", 200)
    value = text(given, "value", "to.identifier.value", 100)
    known = (systems.sid("whatsapp/usuario"), systems.sid("telefone"))
    if system not in known:
        raise wrong("to.identifier.system", f"one of {', '.join(known)}", "code-invalid")
    if system == known[1]:
        if not _PHONE.fullmatch(value):
            raise wrong("to.identifier.value", "a telephone number with its country code")
        value = digits(value)
    return {"identifier": {"system": system, "value": value}}, None


async def _number(category: str, whom: Json, request: Asked) -> tuple[str, str | None]:
    """The business number it leaves from, and the message it answers. Raises Unprocessable, Refused."""
    numbers, systems = request.settings.whatsapp_numbers, request.systems
    if category != "answer":
        by_purpose = dict(reversed(numbers))
        return by_purpose.get(PURPOSES.get(category, "notices")) or numbers[0][1], None
    identity = whom["identifier"]
    asked = {"sender:identifier": f"{identity['system']}|{token(identity['value'])}", "_sort": "-sent"}
    last = await request.record.first("Communication", asked)
    written = [] if last is None else [one.get("identifier", {}) for one in last.get("recipient", ())]
    number = next((one["value"] for one in written if one.get("system") == systems.sid("whatsapp/numero")), None)
    if last is None or number is None:
        raise wrong("category", "an answer needs a message of this member's to answer", "invariant")
    return str(number), f"Communication/{last['id']}"
