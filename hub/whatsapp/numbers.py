"""The round that looks after business numbers and templates: what Meta tells of them, and what a dead number leaves.

The care services' contract, section 2: the open conversations of a number that cannot be sent from become Tasks by
which somebody telephones, clinical ones first. A number that is off is asked for every five minutes, and used again
when the channel says that it is connected.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.connections import http_client
from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.whatsapp.client import Door, WhatsApp
from care_services.chat.conversation import ADMINISTRATIVE, CONCLUDED, EMERGENCY, HUMAN, INTERVIEW, SAFETY
from care_services.chat.recorded.conversation import STATES
from care_services.delivery.templates import TEMPLATES
from hub import own_clients
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.lines import GOOD, OFF, PATIENCE, REFUSING, Line, Lines
from hub.whatsapp.outcome import once
from hub.whatsapp.receiver import ACTOR, NOTICES
from hub.whatsapp.trying import written
from mappings.identifiers import coding, concept, value_of
from mappings.whatsapp.notice import Alarm, Change, NumberChange, TemplateChange, changes
from mappings.whatsapp.phone import digits
from mappings.whatsapp.sends import instant
from messages import pace, queue, store
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Step

Json = Any

OPEN = {
    EMERGENCY: "stat", SAFETY: "asap", INTERVIEW: "asap", CONCLUDED: "urgent",
    **dict.fromkeys((HUMAN, *ADMINISTRATIVE), "routine"),
}  # fmt: skip
"""State of a conversation that is under way -> priority of the Task by which somebody telephones."""
LATEST = timedelta(hours=24)
"""Conversations in which something happened since then."""
AT_ONCE = 100
_DONE = (State.VALIDADA, State.MAPEADA, State.APLICADA, State.ENTREGUE)
_log = logging.getLogger("hub.whatsapp")


def numbers(settings: Settings, url: str) -> Callable[[], Awaitable[None]]:
    """The round (`hub/rounds.py`). url: of the database. Raises SiteUnusable."""
    return Numbers(settings, Ledger(url, bodies(settings), threads=1)).look


class Numbers:
    """Looks after them."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime] = now) -> None:
        """settings: with a WhatsApp. ledger: theirs who made it."""
        self._settings, self._ledger, self._now = settings, ledger, clock
        self._systems = site(settings).site.systems
        self._lines = Lines(settings.whatsapp_numbers, ledger, clock)
        self._life = AsyncExitStack()
        self._opened: tuple[FhirClient, WhatsApp] | None = None
        self._asked: dict[str, datetime] = {}
        self._phones: dict[str, str] = {}
        """Digits -> id, of the account's own numbers."""

    async def look(self) -> None:
        """What is told, what is off, and what that leaves. Raises PartnerUnavailable, FhirRefused, psycopg.Error."""
        await self._told()
        standing = await self._lines.standing(fresh=True)
        for line in standing.lines.values():
            if not line.sends(self._now()):
                if not line.handed_over:
                    await self._hand_over(line)
                await self._ask(line)
        await self._ledger(lambda rows: pace.forget(rows, self._now()))

    async def _told(self) -> None:
        taken = await self._ledger(
            lambda rows: queue.take_many(rows, self._ledger.sealing, self._now(), (NOTICES,), most=AT_ONCE)
        )
        steps = [await self._one(one) for one in taken]
        await self._ledger(lambda rows: store.advance_many(rows, steps, ACTOR, self._now()))

    async def _one(self, taken: Taken) -> Step:
        told = msgspec.json.decode(taken.body)
        try:
            found = changes(told)
        except (KeyError, TypeError, AttributeError) as error:
            fault = Fault("structure", f"a notice cannot be read ({type(error).__name__})", str(told.get("field")))
            return Step(taken.id, (State.QUARENTENA,), fault=fault, lease=taken.lease)
        if found is None:
            _log.error("the channel tells of a field that nobody knows")
            fault = Fault("unknown-field", "a notice is of a field that is not known", "field")
            return Step(taken.id, (State.QUARENTENA,), fault=fault, lease=taken.lease)
        for change in found:
            await self._changed(change)
        return Step(taken.id, _DONE, lease=taken.lease)

    async def _changed(self, change: Change) -> None:
        match change:
            case NumberChange(phone, sends, why):
                for id in await self._ids(phone):
                    await self._lines.say(id, GOOD if sends else OFF, why)
                if not sends:
                    _log.error("the channel has switched a number off: %s", {"why": why})
            case TemplateChange(name, state, why):
                await self._lines.template(name, state, why=why)
            case Alarm(what):
                _log.error("the channel warns: %s", {"what": what})

    async def _ids(self, phone: str | None) -> Sequence[str]:
        every = [id for _, id in self._settings.whatsapp_numbers]
        if phone is None:
            return every
        _, channel = await self._there()
        for id in every:
            if id not in self._phones.values():
                self._phones[digits((await channel.number(id)).display_phone_number)] = id
        return [id for known, id in self._phones.items() if known == digits(phone)]

    async def _ask(self, line: Line) -> None:
        """Whether a number can be sent from again."""
        began = self._asked.get(line.id, line.since or self._now())
        if self._now() < began + PATIENCE or line.state == REFUSING:  # what is still tried with it tells
            return
        self._asked[line.id] = self._now()
        _, channel = await self._there()
        try:
            found = await channel.number(line.id)
        except (PartnerRefused, PartnerUnavailable):
            return
        if found.status == "CONNECTED":
            self._asked.pop(line.id)
            await self._lines.say(line.id, GOOD, "")

    async def _hand_over(self, line: Line) -> None:
        """Its open conversations are people's."""
        record, _ = await self._there()
        criteria = {
            "code": f"{self._systems.codes('tarefa')}|conversation", "status": "in-progress", "_count": str(AT_ONCE),
            "business-status": ",".join(f"{self._systems.codes(STATES)}|{state}" for state in OPEN),
            "_lastUpdated": f"gt{instant(self._now() - LATEST)}",
        }  # fmt: skip
        own = self._systems.sid("whatsapp/conversa")
        found = [
            one async for one in record.search("Task", criteria) if (value_of(one, own) or "").startswith(f"{line.id}:")
        ]
        order = list(OPEN)
        found.sort(key=lambda one: order.index(one["businessStatus"]["text"]))
        tasks = [once(self._task(one, line)) for one in found]
        for place in range(0, len(tasks), AT_ONCE):
            await written(record, tasks[place : place + AT_ONCE])
        _log.error("a number is dead: %s", {"line": line.id, "why": line.why, "conversations": len(tasks)})
        await self._lines.say(line.id, line.state, line.why, handed_over=True)

    def _task(self, talk: Json, line: Line) -> Json:
        phone = next(
            (
                one["valueString"]
                for one in talk["for"].get("extension", ())
                if one["url"] == self._systems.extension("telefone")
            ),
            None,
        )
        since = instant(line.since or self._now())
        state = talk["businessStatus"]["text"]
        told = [{"type": {"text": "telephone"}, "valueString": f"+{phone}"}] if phone else []
        return {
            "resourceType": "Task",
            "identifier": [{"system": self._systems.sid("whatsapp/numero-fora"), "value": f"{talk['id']}@{since}"}],
            "partOf": [{"reference": f"Task/{talk['id']}"}],
            "status": "requested",
            "intent": "order",
            "priority": OPEN[state],
            "code": concept(coding(self._systems.codes("tarefa"), "phone-contact")),
            "focus": {"reference": f"Task/{talk['id']}"},
            "for": talk["for"],
            "authoredOn": instant(self._now()),
            "description": "the number of this conversation cannot be sent from",
            "input": [*told, {"type": {"text": "summary"}, "valueString": f"conversation: {state}"}],
        }

    async def _there(self) -> tuple[FhirClient, WhatsApp]:
        if self._opened is None:  # for as long as the process is there
            settings = self._settings
            if settings.whatsapp_url is None or settings.whatsapp_token is None:
                raise ValueError("without a WhatsApp there are no numbers")
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            http = await self._life.enter_async_context(http_client())
            self._opened = record, WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
        return self._opened


async def synchronised(channel: WhatsApp, account: str, lines: Lines, texts: dict[str, str]) -> list[str]:
    """The channel's list of templates is taken over; what is not as it should be, in a line each.

    texts: what ours say, by name of text. Raises PartnerUnavailable, PartnerRefused.
    """
    told, wrong = {one.name: one for one in await channel.templates(account)}, []
    for model in TEMPLATES:
        found = told.get(model.name)
        if found is None:
            wrong.append(f"{model.name}: the channel has none of this name")
            await lines.template(model.name, "MISSING")
            continue
        await lines.template(model.name, found.status, category=found.category)
        if found.status != "APPROVED":
            wrong.append(f"{model.name}: is {found.status}")
        if found.category != model.kind:
            wrong.append(f"{model.name}: is of category {found.category}, not {model.kind}")
        if found.language != model.language:
            wrong.append(f"{model.name}: is of language {found.language}, not {model.language}")
        text = texts[model.text]
        for place, slot in enumerate(model.slots, 1):
            text = text.replace(f"{{{slot}}}", f"{{{{{place}}}}}")
        if found.body != text:
            wrong.append(f"{model.name}: says something else than the rules' text {model.text}")
    return wrong
