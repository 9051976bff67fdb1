"""What is known of whoever a notice goes to, at the moment of sending: read off what they wrote and were sent of late.

The care services' contract, sections 2 and 9. Nothing of it is kept apart: what they agreed to is told by their
Consents; whom the channel does not reach, what it holds back and how many notices went before by their Communications
of the last week; where they live by the area code of their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from care_services.chat.recorded.conversation import phone
from care_services.consent import consented
from care_services.delivery.decision import CATEGORIES, NOT_SWITCHABLE, Member, Sent
from care_services.delivery.templates import TEMPLATES
from hub.whatsapp.looked_up import consents, identities
from hub.whatsapp.outcome import why
from hub.whatsapp.requested import watched
from mappings.identifiers import Systems, code_of
from mappings.whatsapp.codes import Do
from mappings.whatsapp.phone import zone as zone_of
from mappings.whatsapp.sends import ARRIVED, FAILED, instant, sends

Json = Any

UNREACHABLE, HELD = timedelta(days=7), timedelta(hours=24)
"""How long the channel's word holds that it does not reach somebody, and that it holds back what is not care."""
LATELY = timedelta(days=7)
ANSWER = "answer"
SLOTTED = frozenset(one.name for one in TEMPLATES if one.slots)
"""Templates that say what they speak of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose members they are, and when."""

    record: FhirClient
    systems: Systems
    zone: str


async def member(asked: Asked, request: Json, line: str, known: Mapping[str, Json], now: datetime) -> Member:
    """What is known for a request that leaves from a number. Raises PartnerUnavailable, FhirRefused.

    Of an answer and of an emergency nothing counts but when the person wrote: the message it is about says so.
    known: resources as they are stored, by reference.
    """
    record, systems, zone = asked.record, asked.systems, asked.zone
    who = request["recipient"][0].get("identifier", {})
    answer = code_of(request["category"][0], systems.codes("aviso")) == ANSWER
    if answer or watched(request) or "value" not in who:
        for one in request.get("about", ()):
            reference = one.get("reference", "")
            message = known.get(reference) or await read(record, reference)
            if message is not None and "sent" in message:
                return Member(zone, wrote=datetime.fromisoformat(message["sent"]))
        return Member(zone)
    whole = request["recipient"][0]
    number = phone(whole, systems)
    whom = ",".join(identities(whole, systems))
    own = f"{systems.sid('whatsapp/numero')}|{line}"
    wrote = {"sender:identifier": whom, "recipient:identifier": own, "_sort": "-sent", "_count": "1"}
    last = await anext(record.search("Communication", wrote), None)
    lately = {"recipient:identifier": whom, "_lastUpdated": f"gt{instant(now - LATELY)}", "_count": "200"}
    recent = [one async for one in record.search("Communication", lately)]
    return replace(
        of(recent, systems, request), zone=(zone_of(number) if number else None) or zone,
        granted=await _granted(record, request, systems),
        wrote=None if last is None else datetime.fromisoformat(last["sent"]),
    )  # fmt: skip


async def _granted(record: FhirClient, request: Json, systems: Systems) -> frozenset[str]:
    category = CATEGORIES[request["category"][0]["coding"][0]["code"]]
    if category.purpose in NOT_SWITCHABLE:
        return NOT_SWITCHABLE
    who = request["recipient"][0]
    patient = who.get("reference") or request.get("subject", {}).get("reference")
    return consented(await consents(record, who, patient, systems), systems).granted()


def of(recent: Iterable[Json], systems: Systems, request: Json | None = None) -> Member:
    """What the messages to somebody tell for a request, whose own tries are none that went before. Pure."""
    own = f"CommunicationRequest/{request['id']}" if request is not None else ""
    unreachable: list[datetime] = []
    held: list[datetime] = []
    arrived: list[datetime] = []
    sent: list[Sent] = []
    for made in recent:
        category = code_of(made["category"][0], systems.codes("aviso")) if made.get("category") else None
        for one in sends(made, systems):
            if one.state == FAILED:
                did, at = why(one).do, one.at[FAILED]
                (unreachable if did is Do.UNREACHABLE else held if did is Do.NOT_NOW else []).append(at)
            elif one.state is not None:
                arrived += [one.at[name] for name in ARRIVED if name in one.at]
                if category in CATEGORIES and own not in [each.get("reference") for each in made.get("basedOn", ())]:
                    sent.append(Sent(str(category), _same(one.template, made, request), min(one.at.values())))
    # Whom something has reached since is reached.
    failed = [at for at in unreachable if not any(later > at for later in arrived)]
    return Member(
        unreachable_until=max(failed) + UNREACHABLE if failed else None,
        held_until=max(held) + HELD if held else None, sent=sorted(sent, key=lambda one: one.at),
    )  # fmt: skip


def _same(template: str | None, made: Json, request: Json | None) -> str | None:
    """The template that is not repeated; None: it spoke of another matter."""
    other = template in SLOTTED and request is not None and made.get("payload") != request.get("payload")
    return None if other else template


async def read(record: FhirClient, reference: str) -> Json | None:
    """A resource; None: there is none, or none any more. Raises PartnerUnavailable, FhirRefused."""
    try:
        return await record.read(reference)
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return None
        raise
