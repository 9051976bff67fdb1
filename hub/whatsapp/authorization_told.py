"""The service that tells a member of an answer to an authorization, once it is decided: neutral, details after proof.

The care services' contract, section 4 (M-15). Whoever cannot be written to is telephoned (a Task).
https://hl7.org/fhir/R4/claimresponse.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.chat.recorded.place import instant
from care_services.chat.told import state_of
from care_services.triage.rule_set import RuleSet, rules
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.browsers import turned_on
from hub.events.waited import Waited
from hub.ledger import now
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.requested import BROWSERS, EMAIL, PUSH, SMS, UNTIL
from mappings.identifiers import Systems, coding, concept, value_of
from mappings.whatsapp.phone import digits

Json = Any

HOLDS = timedelta(hours=72)
"""How long somebody may still be told: over a Sunday and a holiday."""

NEWS = timedelta(days=7)
"""For so long after its date a decision is told."""


class AuthorizationTold:
    """Called for each version of a ClaimResponse; the member is told of each decision once."""

    def __init__(self, settings: Settings) -> None:
        """settings: with a WhatsApp. Raises SiteUnusable."""
        self._settings, self._systems = settings, site(settings).site.systems
        self._others = [
            one
            for one, by in ((PUSH, settings.push_contact), (SMS, settings.sms_url), (EMAIL, settings.smtp_url))
            if by is not None
        ]  # fmt: skip
        by_purpose = dict(reversed(settings.whatsapp_numbers))
        self._number = by_purpose.get("authorization") or settings.whatsapp_numbers[0][1]
        self._run, self._life = Waited("authorization-told"), AsyncExitStack()
        self._record: FhirClient | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A version of a ClaimResponse. Raises Later."""
        try:
            self._run(self._told("/".join(event.reference.split("/")[:2])))
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away

    async def _told(self, reference: str) -> None:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.CHAT))
        response = await _read(self._record, reference)
        state = None if response is None else state_of(response, self._systems)
        whose = "" if response is None else response["patient"].get("reference", "")
        patient = await _read(self._record, whose) if state is not None and whose else None
        if response is None or state is None or patient is None or _old(response, now()):
            return
        others = self._others
        if PUSH in others and not await turned_on(self._record, patient["id"]):
            others = [one for one in others if one != PUSH]
        made = told(response, state, patient, self._number, self._systems, rules(), now(), others)
        named = made["identifier"][0]
        await self._record.create(made, {"identifier": f"{named['system']}|{named['value']}"})


def told(
    response: Json, state: str, patient: Json, number: str, systems: Systems, using: RuleSet, moment: datetime,
    others: Sequence[str] = (),
) -> Json:  # fmt: skip
    """The CommunicationRequest to whoever a ClaimResponse is about; a Task, if they have no telephone number.

    state: that was decided. number: id of the business number it leaves from. others: channels besides WhatsApp.
    """
    protocol = value_of(response, systems.sid("protocolo")) or response["id"]
    whom = {"reference": f"Patient/{patient['id']}"}
    shared = {
        # Once for what was decided: another decision is told again, another version of the same is not.
        "identifier": [{"system": systems.sid("autorizacao-comunicada"), "value": f"{response['id']}.{state}"}],
        "authoredOn": instant(moment),
        "priority": "routine",
    }
    phone = phone_of(patient)
    if phone is None:
        return {
            "resourceType": "Task", **shared, "status": "requested", "intent": "order",
            "code": concept(coding(systems.codes("tarefa"), "phone-contact")),
            "focus": {"reference": f"ClaimResponse/{response['id']}"}, "for": whom,
            "description": "an answer to an authorization, and no telephone number",
        }  # fmt: skip
    slot = [{"url": "nome", "valueString": "protocol"}, {"url": "valor", "valueString": protocol}]
    return {
        "resourceType": "CommunicationRequest",
        **shared,
        "extension": [
            {"url": systems.extension("vaga"), "extension": slot},
            {"url": systems.extension(UNTIL), "valueInstant": instant(moment + HOLDS)},
        ],
        "status": "active",
        "category": [concept(coding(systems.codes("aviso"), "authorization"))],
        "subject": whom,
        "about": [{"reference": f"ClaimResponse/{response['id']}"}],
        "payload": [{"contentString": using.texts["template_authorization"].format(protocol=protocol)}],
        "recipient": [{**whom, "identifier": one} for one in _reached(patient, phone, others, systems)],
        "sender": {"identifier": {"system": systems.sid("whatsapp/numero"), "value": number}},
    }


def _old(response: Json, moment: datetime) -> bool:
    """Whether it was decided long before it came here: a history that is loaded is no news."""
    created = datetime.fromisoformat(response["created"][:10]).replace(tzinfo=UTC)
    return moment - created > NEWS


def _reached(patient: Json, phone: str, others: Sequence[str], systems: Systems) -> list[Json]:
    """Identifiers of the recipients: WhatsApp, then the other channels in their order."""
    line = {"system": systems.sid("telefone"), "value": phone}
    named = (one["value"] for one in patient.get("telecom", ()) if one.get("system") == "email" and one.get("value"))
    address = next((one for one in named if "@" in one), None)
    known = {
        SMS: line, EMAIL: {"system": "urn:ietf:rfc:3986", "value": f"mailto:{address}"} if address else None,
        PUSH: {"system": systems.sid(BROWSERS), "value": patient["id"]},
    }  # fmt: skip
    return [line, *(found for one in others if (found := known[one]) is not None)]


def phone_of(patient: Json) -> str | None:
    """The number to write to, as the channel takes it: a mobile one before others."""
    numbers = [one for one in patient.get("telecom", ()) if one.get("system") == "phone" and one.get("value")]
    numbers.sort(key=lambda one: (one.get("use") == "old", one.get("use") != "mobile", one.get("rank", 99)))
    return digits(numbers[0]["value"]) if numbers and numbers[0].get("use") != "old" else None


async def _read(record: FhirClient, reference: str) -> Json | None:
    try:
        return await record.read(reference)
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return None
        raise
