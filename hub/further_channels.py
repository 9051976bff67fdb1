"""Notices by e-mail, short message and web push: CommunicationRequests whose medium says so. A round (`hub/rounds.py`).

The care services' contract, section 9. Decided, kept in the record before they are sent, and tried again as by
WhatsApp; what is said is one neutral text, with nothing of the matter. Where a channel is not set up, or refuses, the
next recipient of the request is tried by theirs, then somebody telephones.
https://hl7.org/fhir/R4/communicationrequest-definitions.html#CommunicationRequest.medium
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from adapters.connections import http_client
from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.sms import Gateway, Sms
from adapters.smtp import Server, Smtp
from adapters.web_push import WebPush
from care_services.chat.recorded.conversation import phone
from care_services.delivery.decision import CATEGORIES, Drop, Telephone, Wait, decide, rank
from care_services.delivery.failed import NotDone
from care_services.triage.rule_set import rules
from fhir_server.trouble import places
from hub import own_clients
from hub.browsers import Browsers, posting
from hub.ledger import now
from hub.push_key import push_key
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.calendar import calendar
from hub.whatsapp.member import Asked, member
from hub.whatsapp.outcome import over, planned, settled
from hub.whatsapp.requested import EMAIL, MEDIA, PUSH, SMS, about_to, email, in_browsers, medium, notice
from hub.whatsapp.trying import RACED, written
from mappings.whatsapp.phone import digits
from mappings.whatsapp.sends import ACCEPTED, FAILED, Send, instant, sends, state, with_sends

Json = Any

SECONDS = 2.0
SIDE_BY_SIDE = 8
TEXT, SUBJECT = "elsewhere", "elsewhere_subject"
"""What is said, among the rules' texts."""
_log = logging.getLogger("hub.further-channels")

Send_ = Callable[[Json, str], Awaitable[None]]
"""Sends the text for a request to an address."""


class FurtherChannels:
    """Looks for what is due, and sends it."""

    def __init__(self, settings: Settings, url: str, clock: Callable[[], datetime] = now) -> None:
        """url: of the database. Raises SiteUnusable."""
        place = site(settings).site
        self._settings, self._systems, self._zone, self._now = settings, place.systems, place.zone, clock
        self._holiday, self._life = calendar(settings.holidays), AsyncExitStack()
        self._record: FhirClient | None = None
        self._channels: dict[str, Send_] = {}
        self._broken: set[str] = set()
        """Requests, each with its version, that cannot be sent whatever is done: told once."""

    async def __call__(self) -> None:
        """All that are due; of one person one after the other. Raises PartnerUnavailable, FhirRefused."""
        record, room = await self._door(), asyncio.Semaphore(SIDE_BY_SIDE)
        people: dict[str, list[Json]] = {}
        for when in ({"occurrence:missing": "true"}, {"occurrence": f"le{instant(self._now())}"}):
            wanted = {"status": "active", "medium": ",".join(MEDIA), "_count": "200", **when}
            async for one in record.search("CommunicationRequest", wanted):
                people.setdefault(str(one["recipient"][0].get("identifier")), []).append(one)

        async def of_one(requests: Sequence[Json]) -> None:
            async with room:
                for request in requests:
                    await self._alone(record, request)

        each = [sorted(requests, key=lambda one: rank(notice(one, self._systems))) for requests in people.values()]
        for outcome in await asyncio.gather(*map(of_one, each), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _alone(self, record: FhirClient, request: Json) -> None:
        version = f"{request['id']}/{request['meta']['versionId']}"
        if version in self._broken:
            return
        try:
            await self._send(record, request)
        except PartnerUnavailable:
            raise
        except FhirRefused as refused:
            _log.warning("a request is looked at again later: %s", {"why": str(refused)})
        except Exception as error:  # noqa: BLE001 - one request that is broken must not hold up the others
            self._broken.add(version)
            _log.error("a request cannot be sent: %s", {"request": version, "trace": places(error)})

    async def _send(self, record: FhirClient, request: Json) -> None:
        systems, moment, channel = self._systems, self._now(), medium(request)
        assert channel is not None  # it was searched for by that
        said = notice(request, systems)
        telephone = CATEGORIES[said.category].by_telephone
        send, to = self._channels.get(channel), self._address(request, channel)
        if send is None or to is None:
            lacks = "its channel is not set up" if send is None else "it has no address for its channel"
            await written(record, over(None, request, NotDone(lacks, telephone), systems, moment).entries)
            return
        known = await member(Asked(record, systems, self._zone), request, "", {}, moment)
        # What is known of WhatsApp says nothing of this channel, and no window of a day is open or closed here.
        whom = replace(known, wrote=moment, unreachable_until=None, held_until=None)
        match decide(said, whom, moment, self._holiday):
            case Wait(until):
                await written(record, planned(request, until, systems))
            case Drop(reason):
                await written(record, over(None, request, NotDone(reason), systems, moment).entries)
            case Telephone(reason):
                await written(record, over(None, request, NotDone(reason, telephone), systems, moment).entries)
            case _:
                await self._try(record, request, channel, to, send, telephone=telephone)

    async def _try(
        self, record: FhirClient, request: Json, channel: str, to: str, send: Send_, *, telephone: bool
    ) -> None:  # fmt: skip
        systems = self._systems
        first = Send(1, channel, self._now())
        own = {"identifier": f"{systems.sid('whatsapp/pedido')}|{request['id']}"}
        made = await record.create(about_to(request, first, systems), own)
        every = sends(made, systems)
        if state(every) not in (None, FAILED):  # somebody died before the request was closed
            return await written(record, settled(made, every, request, systems, self._now()).entries)
        if made["meta"]["versionId"] != "1":  # a try that was cut off is made again under the same reference
            every = [one for one in every if one.state is not None]
            every.append(Send(len(every) + 1, channel, self._now()))
            try:
                made = await record.update(with_sends(made, every, systems), made["meta"]["versionId"])
            except FhirRefused as refused:
                if refused.status in RACED:
                    return None
                raise
        try:
            await send(request, to)
        except PartnerUnavailable:
            every[-1] = replace(every[-1], at={FAILED: self._now()})
        except PartnerRefused as refused:
            every[-1] = replace(every[-1], at={FAILED: self._now()})
            reason = {"statusReason": {"text": f"{channel}: refused with {refused.code}"}}
            failed = with_sends({**made, **reason}, every, systems, failed="not-done")
            then = NotDone("refused by its channel", telephone)
            return await written(record, over(failed, request, then, systems, self._now()).entries)
        else:
            every[-1] = replace(every[-1], at={ACCEPTED: self._now()})
        return await written(record, settled(made, every, request, systems, self._now()).entries)

    def _address(self, request: Json, channel: str) -> str | None:
        whom = request["recipient"][0]
        if channel == EMAIL:
            return email(whom)
        if channel == PUSH:
            return in_browsers(whom, self._systems)
        number = phone(whom, self._systems)
        return digits(number) if number else None

    async def _door(self) -> FhirClient:
        if self._record is None:  # for as long as the process is there
            settings = self._settings
            http = await self._life.enter_async_context(http_client())
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            self._channels = channels(settings, http)
            if settings.push_contact is not None:
                push, texts = WebPush(posting(settings), push_key(settings), settings.push_contact), rules().texts
                told = Browsers(record, push, texts[SUBJECT], texts[TEXT], self._systems, self._now)
                self._channels[PUSH] = told.send
            self._record = record
        return self._record


def channels(settings: Settings, http: httpx2.AsyncClient) -> dict[str, Send_]:
    """Those that the settings set up, by medium."""
    found: dict[str, Send_] = {}
    texts = rules().texts
    if settings.sms_url is not None and settings.sms_token is not None:
        sms = Sms(http, Gateway(settings.sms_url, settings.sms_token))
        found[SMS] = lambda request, to: sms.send(request["id"], to, texts[TEXT])
    if settings.smtp_url is not None and settings.smtp_from is not None:
        parts = urlsplit(settings.smtp_url)
        tls = parts.scheme == "smtps"
        smtp = Smtp(
            Server(
                parts.hostname or "", parts.port or (465 if tls else 587), settings.smtp_from, tls,
                parts.hostname in ("127.0.0.1", "localhost", "::1"), settings.smtp_user, settings.smtp_password,
            )
        )  # fmt: skip
        found[EMAIL] = lambda request, to: smtp.send(request["id"], to, texts[SUBJECT], texts[TEXT])
    return found
