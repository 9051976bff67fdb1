"""The service that sends what a CommunicationRequest says, by WhatsApp: the only way out to a member.

The care services' contract, sections 2 and 9: whether it goes, when, from which number, as what. What is looked at
again later is planned in the request itself (`occurrenceDateTime`), where `again.py` finds it: a message that waits
holds up no other. How it is sent: `trying.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import psycopg

from adapters.connections import http_client
from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import Door, Refused, WhatsApp
from care_services.chat.recorded.communication_request import CHECK_INS, overtaken
from care_services.delivery.decision import CATEGORIES, QUIET, AsTemplate, Drop, Free, Notice, Telephone, Wait, decide
from care_services.delivery.failed import NotDone
from care_services.delivery.templates import Model, chosen
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.events.waited import Waited
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.calendar import calendar
from hub.whatsapp.conversing import stored
from hub.whatsapp.lines import Lines
from hub.whatsapp.member import Asked, member, read
from hub.whatsapp.outcome import over, planned
from hub.whatsapp.requested import as_file, as_template, content, due, expires, file, notice, route, slots
from hub.whatsapp.trying import RACED, Trying, written
from hub.whatsapp.under_way import UnderWay
from mappings.whatsapp.outgoing import Content, Template, To

Json = Any

FILE_PAUSE = timedelta(seconds=30)
"""Before a file is offered to the channel again."""
JITTER = timedelta(minutes=30)
"""Within which those go, each at its own moment, that have waited for the end of quiet hours."""
THREADS = 4
"""That look after pace and numbers."""


@dataclass(frozen=True, slots=True)
class _Open:
    """What there is for as long as the process is there."""

    record: FhirClient
    lines: Lines
    trying: Trying


WAIT_SECONDS = 5.0
"""For what others in this process are sending."""
NOTHING: Mapping[str, Json] = {}


class Sending:
    """Called for each CommunicationRequest that comes into the record; those to somebody on WhatsApp are sent."""

    def __init__(self, settings: Settings, url: str, clock: Callable[[], datetime] = now) -> None:
        """settings: with a WhatsApp. url: of the database. Raises SiteUnusable."""
        self._settings, self._url, self._now = settings, url, clock
        place = site(settings).site
        self._systems, self._zone, self._holiday = place.systems, place.zone, calendar(settings.holidays)
        self._run, self._life = Waited("sending"), AsyncExitStack()
        self.under_way = UnderWay()
        """What others in this process send."""
        self._opened: _Open | None = None

    async def open(self) -> None:
        """Opens what it sends by, so that the first reply need not wait for it. Of the event loop that sends."""
        await self._there()

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A CommunicationRequest's first version. Raises Later: the record is away."""
        if self.under_way.done("/".join(event.reference.split("/")[:2]), WAIT_SECONDS):
            return
        try:
            self._run(self.send(event.reference))
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away
        except FhirRefused as refused:
            if refused.status not in RACED:
                raise
            raise Later("it was changed by others at the same time", 1) from refused

    async def send(
        self, reference: str, *, at_once: bool = False, known: Mapping[str, Json] = NOTHING, one_by_one: bool = False
    ) -> None:  # fmt: skip
        """Sends what a request says, or plans when it is looked at again; nothing if it is over or not due yet.

        Whoever asks twice at the same time has it sent once. at_once: another try although the last one may still have
        its effect. known: resources as they are stored, by reference: they are not read anew. one_by_one: nobody else
        sends the same person a notice meanwhile; without that, notices of which there may be few are planned for the
        round, where it is so. Raises PartnerUnavailable: the record is away; FhirRefused. Of one event loop.
        """
        try:
            await self._send(await self._there(), reference, at_once, known, one_by_one)
        except psycopg.OperationalError as lost:
            raise PartnerUnavailable("the database is away", 1) from lost

    async def _send(
        self, there: _Open, reference: str, at_once: bool, known: Mapping[str, Json], alone: bool
    ) -> None:  # fmt: skip
        reference = "/".join(reference.split("/")[:2])
        request = known.get(reference) or await read(there.record, reference)
        if request is None or request.get("status") != "active":
            return
        line, to = route(request, self._systems)
        at = due(request)
        if line is None or (at is not None and at > self._now() and not at_once):
            return
        if CATEGORIES[_category(request)].counted and not alone:
            await written(there.record, planned(request, self._now(), self._systems), lost_races=True)
            return
        if (reason := await self._overtaken(there.record, request)) is not None:
            await self._ended(there, request, NotDone(reason))
            return
        standing = await there.lines.standing()
        model = chosen(_category(request), standing.unusable(), slots(request, self._systems))
        said = notice(request, self._systems, model.name if model else None)
        asked = Asked(there.record, self._systems, self._zone)
        whom = await member(asked, request, line, known, self._now())
        decision = decide(said, whom, self._now(), self._holiday)
        if isinstance(decision, Free) and as_template(request, self._systems):
            decision = AsTemplate(model.name) if model else Telephone("there is no template")
        match decision:
            case Free() | AsTemplate():
                template = isinstance(decision, AsTemplate)
                leaves = standing.leaves_from(line, self._now(), template=template)
                if leaves is None and model is not None:
                    template, leaves = True, standing.leaves_from(line, self._now(), template=True)
                if leaves is None:
                    await self._ended(there, request, NotDone("its number cannot send", telephone=True))
                else:
                    await self._go(there, request, leaves, to, model if template else None, at_once)
            case Wait(until, reason):
                await written(there.record, planned(request, _spread(request, said, until, reason), self._systems))
            case Drop(reason):
                await self._ended(there, request, NotDone(reason))
            case Telephone(reason):
                await self._ended(there, request, NotDone(reason, telephone=True))

    async def _overtaken(self, record: FhirClient, request: Json) -> str | None:
        """Why a check-in is not sent, where the conversation that it is based on went on otherwise."""
        based = next((one["reference"] for one in request.get("basedOn", ()) if "reference" in one), "")
        task = await read(record, based) if based.startswith("Task/") and _category(request) == CHECK_INS else None
        return None if task is None else overtaken(stored(task), datetime.fromisoformat(request["authoredOn"]))

    async def give_up(self, reference: str, reason: str) -> None:
        """Somebody telephones instead, whatever becomes of what was tried. Raises PartnerUnavailable, FhirRefused."""
        there = await self._there()
        request = await read(there.record, reference)
        if request is not None and request.get("status") == "active":
            then = NotDone(reason, telephone=True)
            await there.trying.told(over(None, request, then, self._systems, self._now()))

    async def _go(
        self, there: _Open, request: Json, line: str, to: To, model: Model | None, at_once: bool
    ) -> None:  # fmt: skip
        attached = file(request) if model is None else None
        if attached is None:
            return await there.trying.once(request, line, to, self._content(request, model), at_once=at_once)
        try:
            id, kind = await there.trying.uploaded(line, attached)
        except (Refused, FhirRefused):
            return await self._ended(there, request, NotDone("its file cannot be sent", telephone=True))
        except PartnerUnavailable:  # nothing was sent: it is tried again as long as it holds
            again = self._now() + FILE_PAUSE
            if again >= expires(request, self._systems):
                return await self._ended(there, request, NotDone("its file could not be sent in time", telephone=True))
            return await written(there.record, planned(request, again, self._systems))
        return await there.trying.once(request, line, to, as_file(request, id, kind), at_once=at_once)

    def _content(self, request: Json, model: Model | None) -> Content:
        if model is None:
            return content(request, self._systems)
        known = slots(request, self._systems)
        return Template(model.name, model.language, [known[name] for name in model.slots])

    async def _ended(self, there: _Open, request: Json, then: NotDone) -> None:
        """It is over before anything was tried, or after all tries."""
        pedido = self._systems.sid("whatsapp/pedido")
        found = [one async for one in there.record.search("Communication", {"identifier": f"{pedido}|{request['id']}"})]
        made = {**found[0], "status": "not-done"} if found else None
        await there.trying.told(over(made, request, then, self._systems, self._now()))

    async def _there(self) -> _Open:
        if self._opened is None:
            settings = self._settings
            if settings.whatsapp_url is None or settings.whatsapp_token is None:
                raise ValueError("without a WhatsApp nothing is sent by it")
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            http = await self._life.enter_async_context(http_client())
            channel = WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
            ledger = Ledger(self._url, bodies(settings), THREADS)
            self._life.callback(ledger.close)
            lines = Lines(settings.whatsapp_numbers, ledger, self._now)
            trying = Trying(record, channel, ledger, lines, self._systems, self._now)
            self._opened = _Open(record, lines, trying)
        return self._opened


def _category(request: Json) -> str:
    return str(request["category"][0]["coding"][0]["code"])


def _spread(request: Json, said: Notice, until: datetime, reason: str) -> datetime:
    """When it is looked at again: after quiet hours not all at the same moment, but none after it has expired."""
    if reason != QUIET:
        return until
    share = int.from_bytes(blake2b(request["id"].encode(), digest_size=4).digest()) / 2**32
    later = until + JITTER * share
    return later if later < said.expires else until
