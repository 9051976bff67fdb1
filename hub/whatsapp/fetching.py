"""The round that fetches the files of members' messages at once, proves them, and keeps them restricted.

The care services' contract, section 2. The webhook notes which messages have one (`receiver.py`). A file is a Binary
that its Communication names, with the security label R: who may see it is whoever may see the message and what is
restricted. A file that is not what was told of is not kept; one that cannot be had within half an hour is not waited
for. People are told of both, by a Task.
https://hl7.org/fhir/R4/binary.html, .../security-labels.html
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

from adapters.connections import http_client
from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.whatsapp.client import Door, File, WhatsApp
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.outcome import once, put
from hub.whatsapp.receiver import ACTOR, FILES
from hub.whatsapp.trying import RACED, written
from mappings.identifiers import Systems, code_of, coding, concept
from mappings.whatsapp.communication import FILE, SHA256, message_id
from mappings.whatsapp.sends import instant, token
from messages import queue
from messages.queue import Taken
from messages.states import State
from messages.store import Fault

Json = Any

PATIENCE = timedelta(minutes=30)
"""For so long a file is tried to be had: less than the queue's attempts take."""
SIDE_BY_SIDE = 8
MOST = 40 * 1024 * 1024
"""Bytes of the longest file that is kept in the record."""
_DONE = (State.VALIDADA, State.MAPEADA, State.APLICADA, State.ENTREGUE)
_log = logging.getLogger("hub.whatsapp")
_RESTRICTED = coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R")
_KINDS = {
    "image": ("image/",), "sticker": ("image/",), "audio": ("audio/", "video/mp4"), "video": ("video/",),
}  # fmt: skip
"""Kind of a message -> how the type of its file begins; a document may be anything."""


class NotKept(Exception):
    """A file is not kept; the text says why, and nothing of it."""


def fetching(settings: Settings, url: str) -> Callable[[], Awaitable[None]]:
    """The round (`hub/rounds.py`). url: of the database. Raises SiteUnusable."""
    return Fetching(settings, Ledger(url, bodies(settings), threads=2)).look


class Fetching:
    """Fetches what is noted."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime] = now) -> None:
        """settings: with a WhatsApp. ledger: theirs who made it. Raises SiteUnusable."""
        self._settings, self._ledger, self._now = settings, ledger, clock
        self._systems, self._life = site(settings).site.systems, AsyncExitStack()
        self._opened: tuple[FhirClient, WhatsApp] | None = None

    async def look(self) -> None:
        """All that are due, some side by side. Raises psycopg.OperationalError."""
        while taken := await self._ledger(
            lambda rows: queue.take_many(rows, self._ledger.sealing, self._now(), (FILES,), most=SIDE_BY_SIDE)
        ):
            await asyncio.gather(*(self._one(one) for one in taken))

    async def _one(self, taken: Taken) -> None:
        try:
            await self._fetch(taken.business_key)
        except (PartnerUnavailable, FhirRefused) as away:
            fault = Fault("transient", str(away))
        except Exception as error:  # noqa: BLE001 - outermost of a file: it is told, and tried again
            _log.error("a file cannot be fetched: %s", {"trace": places(error)})
            fault = Fault("exception", type(error).__name__)
        else:
            await self._ledger(lambda rows: queue.done(rows, taken, _DONE, ACTOR, self._now()))
            return
        await self._ledger(lambda rows: queue.again(rows, taken, self._now(), fault, ACTOR))

    async def _fetch(self, id: str) -> None:
        """What the message with an id of the channel's has, unless that is done. Raises PartnerUnavailable,
        FhirRefused."""
        record, channel = await self._there()
        criteria = {"identifier": f"{message_id(self._systems)}|{token(id)}"}
        message = await anext(record.search("Communication", criteria), None)
        if message is None:
            raise PartnerUnavailable("the message is not in the record")
        for place, part in enumerate(message.get("payload", ())):
            told = file_of(part, self._systems)
            if told is None or "url" in part["contentAttachment"] or _refused(part, self._systems):
                continue
            try:
                entries = self._kept(message, place, await self._had(channel, message, *told))
            except (NotKept, PartnerRefused) as refused:
                entries = self._not_kept(message, place, getattr(refused, "reason", str(refused)))
            try:
                await written(record, entries)
            except FhirRefused as refused:
                if refused.status not in RACED:
                    raise
                raise PartnerUnavailable("the message was changed by others at the same time", 1) from refused
            return  # a message has one file

    async def _had(self, channel: WhatsApp, message: Json, id: str, sha256: str | None) -> File:
        """Raises NotKept, PartnerRefused; PartnerUnavailable: it may be had later."""
        try:
            found = await channel.fetch(id, sha256)
        except PartnerUnavailable as away:
            if self._now() < datetime.fromisoformat(message["received"]) + PATIENCE:
                raise
            raise NotKept("the file could not be fetched in half an hour") from away
        kind = code_of(message["category"][0], self._systems.codes("mensagem")) or ""
        if len(found.content) > MOST:
            raise NotKept("the file is longer than those that are kept")
        if not found.content_type.startswith(_KINDS.get(kind, ("",))):
            raise NotKept("the file is of another type than its message")
        return found

    def _kept(self, message: Json, place: int, found: File) -> list[Json]:
        binary = {
            "resourceType": "Binary", "id": message["id"], "meta": {"security": [_RESTRICTED]},
            "contentType": found.content_type, "securityContext": {"reference": f"Communication/{message['id']}"},
            "data": base64.b64encode(found.content).decode(),
        }  # fmt: skip
        part = message["payload"][place]
        attachment = {
            **part["contentAttachment"], "contentType": found.content_type, "url": f"Binary/{message['id']}",
            "size": len(found.content),
        }  # fmt: skip
        entry = {"resource": binary, "request": {"method": "PUT", "url": f"Binary/{message['id']}"}}
        return [entry, put(_with(message, place, {**part, "contentAttachment": attachment}))]

    def _not_kept(self, message: Json, place: int, reason: str) -> list[Json]:
        part = message["payload"][place]
        url = self._systems.extension("arquivo-recusado")
        noted = {**part, "extension": [*part["extension"], {"url": url, "valueString": reason}]}
        who = message["sender"]
        task = {
            "resourceType": "Task",
            "identifier": [{"system": self._systems.sid("whatsapp/arquivo"), "value": message["id"]}],
            "status": "requested",
            "intent": "order",
            "priority": message.get("priority", "routine"),
            "code": concept(coding(self._systems.codes("tarefa"), "service-desk")),
            "focus": {"reference": f"Communication/{message['id']}"},
            "for": {name: who[name] for name in ("extension", "identifier") if name in who},
            "authoredOn": instant(self._now()),
            "description": reason,
        }
        return [put(_with(message, place, noted)), once(task)]

    async def _there(self) -> tuple[FhirClient, WhatsApp]:
        if self._opened is None:  # for as long as the process is there
            settings = self._settings
            if settings.whatsapp_url is None or settings.whatsapp_token is None:
                raise ValueError("without a WhatsApp there are no files")
            record = await self._life.enter_async_context(own_clients.door(settings, own_clients.WHATSAPP))
            http = await self._life.enter_async_context(http_client())
            self._opened = record, WhatsApp(http, Door(settings.whatsapp_url, settings.whatsapp_token))
        return self._opened


def file_of(part: Json, systems: Systems) -> tuple[str, str | None] | None:
    """The channel's id of a file, and its SHA-256 as it was told; None: it is no file of the channel's."""
    found = {one["url"]: one.get("valueString") for one in part.get("extension", ())}
    id = found.get(systems.extension(FILE))
    return (id, found.get(systems.extension(SHA256))) if id and "contentAttachment" in part else None


def _refused(part: Json, systems: Systems) -> bool:
    return any(one["url"] == systems.extension("arquivo-recusado") for one in part.get("extension", ()))


def _with(message: Json, place: int, part: Json) -> Json:
    return {**message, "payload": [*message["payload"][:place], part, *message["payload"][place + 1 :]]}
