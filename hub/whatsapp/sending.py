"""The service that sends what a CommunicationRequest says, by WhatsApp: the only way out to a member.

The care services' contract, section 2. That a message is about to be sent stands in the record before it is: whoever
dies in between is followed by one who knows that nobody knows, and sends at most once more.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import Door, Refused, Unclear, WhatsApp
from care_services.delivery.decision import Drop, Free, Member, Wait, decide
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.events.waited import Waited
from hub.ledger import now
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.requested import about_to, content, notice, route, tried, tries
from mappings import r4
from mappings.identifiers import coding, concept
from mappings.whatsapp.communication import message_id
from mappings.whatsapp.outgoing import To

Json = Any

MOST = 2
"""Sends whose outcome nobody knows."""
UNCLEAR_SECONDS = 30.0


class Sending:
    """Called for each CommunicationRequest that comes into the record; those to somebody on WhatsApp are sent."""

    def __init__(self, settings: Settings) -> None:
        """settings: with a WhatsApp. Raises SiteUnusable."""
        self._settings, self._systems = settings, site(settings).site.systems
        self._run, self._life = Waited("sending"), AsyncExitStack()
        self._open: tuple[FhirClient, WhatsApp] | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A CommunicationRequest's first version. Raises Later."""
        try:
            self._run(self._send(event.reference))
        except Unclear as unclear:
            raise Later("nobody knows whether it was sent", UNCLEAR_SECONDS) from unclear
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away

    async def _send(self, reference: str) -> None:
        record, channel = await self._doors()
        request = await _read(record, "/".join(reference.split("/")[:2]))
        if request is None or request.get("status") != "active":
            return
        number, to = route(request, self._systems)
        if number is None:
            return
        decision = decide(notice(request), await self._member(record, request), now(), _no_holiday)
        match decision:
            case Free():
                await self._sent(record, channel, request, number, to)
            case Wait(until):
                raise PartnerUnavailable("it waits", max((until - now()).total_seconds(), 1))
            case Drop(reason):
                await self._closed(record, request, "revoked", reason)
            case _:
                await self._telephoned(record, request, "it cannot be written")

    async def _sent(
        self, record: FhirClient, channel: WhatsApp, request: Json, number: str, to: To
    ) -> None:  # fmt: skip
        """Sends it, unless it was. Raises Unclear; PartnerUnavailable: it was certainly not sent."""
        system, systems = self._systems.sid("whatsapp/pedido"), self._systems
        answer = await record.send(
            "POST", "Communication", r4.serialize(about_to(request, system, systems)),
            {"If-None-Exist": urlencode({"identifier": f"{system}|{request['id']}"})},
        )  # fmt: skip
        made = answer.resource
        if made["status"] in ("not-done", "stopped"):  # somebody died before the rest was done
            await self._telephoned(record, request, made["statusReason"]["text"])
            return
        if made["status"] != "preparation":
            await self._closed(record, request, "completed")
            return
        if answer.status != 201:  # somebody was here before, and nobody knows how far they came
            if tries(made, systems) >= MOST:
                await record.update({**made, "status": "stopped", "statusReason": {"text": "nobody knows whether"}})
                await self._telephoned(record, request, "nobody knows whether it was sent")
                return
            made = await record.update(tried(made, systems, tries(made, systems) + 1))
        try:
            id = await channel.send(number, to, content(request, systems))
        except Refused as refused:
            reason = {"text": f"WhatsApp: {refused.code}, {refused.reaction.do.value}"}
            await record.update({**made, "status": "not-done", "statusReason": reason})
            await self._telephoned(record, request, "the channel refuses it")
            return
        except Unclear:
            raise
        except PartnerUnavailable:
            await record.update(tried(made, systems, tries(made, systems) - 1))
            raise
        sent = [*made["identifier"], {"system": message_id(systems), "value": id}]
        await record.update({**made, "identifier": sent, "status": "in-progress", "sent": _instant(now())})
        await self._closed(record, request, "completed")

    async def _closed(self, record: FhirClient, request: Json, status: str, reason: str | None = None) -> None:
        made = {**request, "status": status}
        await record.update({**made, "statusReason": {"text": reason}} if reason else made)

    async def _telephoned(self, record: FhirClient, request: Json, reason: str) -> None:
        """Somebody telephones instead: a Task, and the request is over."""
        system = self._systems.sid("whatsapp/pedido")
        task = {
            "resourceType": "Task",
            "identifier": [{"system": system, "value": request["id"]}],
            "status": "requested",
            "intent": "order",
            "priority": request.get("priority", "routine"),
            "code": concept(coding(self._systems.codes("tarefa"), "phone-contact")),
            "focus": {"reference": f"CommunicationRequest/{request['id']}"},
            "for": request["recipient"][0],
            "authoredOn": _instant(now()),
            "description": reason,
        }
        await record.create(task, {"identifier": f"{system}|{request['id']}"})
        await self._closed(record, request, "revoked", reason)

    async def _member(self, record: FhirClient, request: Json) -> Member:
        """What is known of whom it goes to: when they wrote what this answers."""
        for one in request.get("about", ()):
            message = await _read(record, one.get("reference", ""))
            if message is not None and "sent" in message:
                return Member(wrote=datetime.fromisoformat(message["sent"]))
        return Member()

    async def _doors(self) -> tuple[FhirClient, WhatsApp]:
        if self._open is None:  # for as long as the process is there
            settings = self._settings
            if settings.whatsapp_url is None or settings.whatsapp_token is None:
                raise ValueError("without a WhatsApp nothing is sent by it")
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            http = await self._life.enter_async_context(httpx2.AsyncClient(trust_env=False, follow_redirects=False))
            self._open = record, WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
        return self._open


async def _read(record: FhirClient, reference: str) -> Json | None:
    try:
        return await record.read(reference)
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return None
        raise


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _no_holiday(day: date) -> bool:
    """Holidays are known to no part of the hub yet; an answer goes at any hour."""
    return False
