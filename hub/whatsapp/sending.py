"""The service that sends what a CommunicationRequest says, by WhatsApp: the only way out to a member.

The care services' contract, section 2. A try stands in the record before it is made: whoever dies in between is
followed by one who knows that nobody knows, and who waits for a status before a second and last one. What is tried
again later is planned in the request itself (`occurrenceDateTime`), where `again.py` finds it: a message that waits
holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import INVALID, Door, Refused, Unclear, WhatsApp
from adapters.whatsapp.client import Later as NotNow
from care_services.delivery.decision import Drop, Free, Member, Wait, decide
from care_services.delivery.failed import NO_ANSWER_SECONDS, NotDone
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.events.waited import Waited
from hub.ledger import now
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.outcome import Settled, over, planned, settled
from hub.whatsapp.requested import about_to, content, due, notice, route
from mappings import r4
from mappings.errors import MappingError
from mappings.whatsapp.outgoing import Content, To
from mappings.whatsapp.sends import ACCEPTED, FAILED, Send, sends, state, told, tracking, with_sends
from mappings.whatsapp.webhook import Status

Json = Any

MOST_UNCLEAR = 2
"""Tries whose outcome nobody knows."""
RACES, RACED = 5, (409, 412)
_PATIENCE = timedelta(seconds=NO_ANSWER_SECONDS)


class Sending:
    """Called for each CommunicationRequest that comes into the record; those to somebody on WhatsApp are sent."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = now) -> None:
        """settings: with a WhatsApp. Raises SiteUnusable."""
        self._now = clock
        place = site(settings).site
        self._settings, self._systems, self._zone = settings, place.systems, place.zone
        self._run, self._life = Waited("sending"), AsyncExitStack()
        self._open: tuple[FhirClient, WhatsApp] | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A CommunicationRequest's first version. Raises Later: the record is away."""
        try:
            self._run(self.send(event.reference))
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away
        except FhirRefused as refused:
            if refused.status not in RACED:
                raise
            raise Later("it was changed by others at the same time", 1) from refused

    async def send(self, reference: str, *, at_once: bool = False) -> None:
        """Sends what a request says, or plans when it is looked at again; nothing if it is over or not due yet.

        Whoever asks twice at the same time has it sent once. at_once: another try although the last one may still have
        its effect. Raises PartnerUnavailable: the record is away; FhirRefused. Of one event loop.
        """
        record, channel = await self._doors()
        request = await read(record, "/".join(reference.split("/")[:2]))
        if request is None or request.get("status") != "active":
            return
        line, to = route(request, self._systems)
        at = due(request)
        if line is None or (at is not None and at > self._now() and not at_once):
            return
        decision = decide(notice(request), await self._member(record, request), self._now(), _no_holiday)
        match decision:
            case Free():
                await self._tried(record, channel, request, line, to, at_once)
            case Wait(until):
                await written(record, planned(request, until, self._systems))
            case Drop(reason):
                await self._ended(record, request, NotDone(reason))
            case _:
                await self._ended(record, request, NotDone("it cannot be written", telephone=True))

    async def give_up(self, reference: str, reason: str) -> None:
        """Somebody telephones instead, whatever becomes of what was tried. Raises PartnerUnavailable, FhirRefused."""
        record, _ = await self._doors()
        request = await read(record, reference)
        if request is not None and request.get("status") == "active":
            await self._told(record, over(None, request, NotDone(reason, telephone=True), self._systems, self._now()))

    async def _tried(
        self, record: FhirClient, channel: WhatsApp, request: Json, line: str, to: To, at_once: bool
    ) -> None:  # fmt: skip
        """A try, unless one is under way or was enough."""
        systems, pedido = self._systems, self._systems.sid("whatsapp/pedido")
        first = Send(1, line, self._now())
        answer = await record.send(
            "POST", "Communication", r4.serialize(about_to(request, first, systems)),
            {"If-None-Exist": urlencode({"identifier": f"{pedido}|{request['id']}"})},
        )  # fmt: skip
        made = answer.resource
        if answer.status == 201:
            return await self._made(record, channel, made, request, first, to)
        every = sends(made, systems)
        if not at_once and state(every) not in (None, FAILED):  # somebody died before the request was closed
            return await self._settled(record, made, request, lambda tries: tries)
        unclear = [one for one in every if one.state is None]
        if unclear and not at_once:
            again = max(one.begun for one in unclear) + _PATIENCE
            if self._now() < again:
                return await written(record, planned(request, again, systems), lost_races=True)
            if len(unclear) >= MOST_UNCLEAR:
                given_up = {**made, "status": "stopped", "statusReason": {"text": "nobody knows whether it was sent"}}
                return await self._told(
                    record,
                    over(given_up, request, NotDone("nobody knows whether it was sent", True), systems, self._now()),
                )
        following = Send(max(one.number for one in every) + 1, line, self._now())
        try:
            made = await record.update(with_sends(made, [*every, following], systems), made["meta"]["versionId"])
        except FhirRefused as refused:
            if refused.status in RACED:  # somebody else is at it
                return None
            raise
        return await self._made(record, channel, made, request, following, to)

    async def _made(
        self, record: FhirClient, channel: WhatsApp, made: Json, request: Json, one: Send, to: To
    ) -> None:  # fmt: skip
        """The try that stands in the record. Whatever comes of it, the record knows."""
        named = replace(to, tracking=tracking(request["id"], one.number))
        try:
            id = await channel.send(one.line, named, self._content(request))
        except Unclear:
            await written(record, planned(request, one.begun + _PATIENCE, self._systems), lost_races=True)
            return
        except (NotNow, Refused) as refused:
            codes = () if refused.number is None else (refused.number,)
            await self._settled(record, made, request, lambda tries: _failed(tries, one.number, codes, self._now()))
            return
        except MappingError:
            await self._settled(
                record, made, request, lambda tries: _failed(tries, one.number, (INVALID,), self._now())
            )
            return
        except PartnerUnavailable:
            await self._settled(record, made, request, lambda tries: _failed(tries, one.number, (), self._now()))
            return
        accepted = Status(id, one.line, ACCEPTED, int(self._now().timestamp()), None, None, named.tracking)
        await self._settled(record, made, request, lambda tries: told(tries, [accepted]))

    def _content(self, request: Json) -> Content:
        return content(request, self._systems)

    async def _settled(self, record: FhirClient, made: Json, request: Json, change: Any) -> None:
        """Writes how the tries stand after a change, whoever writes statuses at the same time."""
        for _ in range(RACES):
            every = change(sends(made, self._systems))
            outcome = settled(made, every, request, self._systems, self._now())
            try:
                return await self._told(record, outcome)
            except FhirRefused as refused:
                if refused.status not in RACED:
                    raise
            made = await record.read(f"Communication/{made['id']}")
            request = await record.read(f"CommunicationRequest/{request['id']}")
        raise PartnerUnavailable("the message was changed by others again and again", 1)

    async def _told(self, record: FhirClient, outcome: Settled) -> None:
        await written(record, outcome.entries)

    async def _ended(self, record: FhirClient, request: Json, then: NotDone) -> None:
        """It is over before anything was tried, or after all tries."""
        pedido = self._systems.sid("whatsapp/pedido")
        found = [one async for one in record.search("Communication", {"identifier": f"{pedido}|{request['id']}"})]
        if found:
            outcome = over({**found[0], "status": "not-done"}, request, then, self._systems, self._now())
        else:
            outcome = over(None, request, then, self._systems, self._now())
        await self._told(record, outcome)

    async def _member(self, record: FhirClient, request: Json) -> Member:
        """What is known of whom it goes to: when they wrote what this answers."""
        for one in request.get("about", ()):
            message = await read(record, one.get("reference", ""))
            if message is not None and "sent" in message:
                return Member(self._zone, wrote=datetime.fromisoformat(message["sent"]))
        return Member(self._zone)

    async def _doors(self) -> tuple[FhirClient, WhatsApp]:
        if self._open is None:  # for as long as the process is there
            settings = self._settings
            if settings.whatsapp_url is None or settings.whatsapp_token is None:
                raise ValueError("without a WhatsApp nothing is sent by it")
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            http = await self._life.enter_async_context(httpx2.AsyncClient(trust_env=False, follow_redirects=False))
            self._open = record, WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
        return self._open


def _failed(every: list[Send], number: int, codes: tuple[int, ...], moment: datetime) -> list[Send]:
    """The tries after the channel's answer has refused one."""
    return [
        replace(one, at={**one.at, FAILED: moment}, codes=codes) if one.number == number and one.id is None else one
        for one in every
    ]


async def written(record: FhirClient, entries: list[Json], *, lost_races: bool = False) -> None:
    """One transaction. lost_races: whoever was faster has said what matters."""
    if not entries:
        return
    named = [
        {"fullUrl": f"urn:uuid:{uuid4()}", **one} if one["request"]["method"] == "POST" else one for one in entries
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": named}
    try:
        await record.transaction(r4.serialize(bundle), minimal=True)
    except FhirRefused as refused:
        if not (lost_races and refused.status in RACED):
            raise


async def read(record: FhirClient, reference: str) -> Json | None:
    try:
        return await record.read(reference)
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return None
        raise


def _no_holiday(day: date) -> bool:
    """Holidays are known to no part of the hub yet; an answer goes at any hour."""
    return False
