"""The service that takes a member's message through the engine into the record: the thin edge of care_services/chat.

The care services' contract, section 3. The conversation's Task is changed with If-Match, in one transaction with all
else that the turn does: a lost race reads and decides again, and a message that is told again changes nothing.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.chat import records
from care_services.chat.conversation import Conversation, Inbound, Turn
from care_services.chat.engine import turn
from care_services.triage.rule_set import rules
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.events.waited import Waited
from hub.ledger import now
from hub.settings import Settings
from hub.tasy.site import site
from mappings import r4
from mappings.identifiers import value_of
from mappings.whatsapp.communication import message_id
from messages import protocol

Json = Any

RACES = 5
_TO_DRAW = "(protocol)"
"""Stands for a number that is drawn only if the turn needs one."""
_NONE = Conversation()


class Conversing:
    """Called for each Communication that comes into the record; those of members get a turn."""

    def __init__(self, settings: Settings) -> None:
        """Raises SiteUnusable."""
        self._settings, self._site = settings, site(settings).site
        self._run, self._life = Waited("conversing"), AsyncExitStack()
        self._record: FhirClient | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A Communication's first version. Raises Later."""
        try:
            message = self._run(self._read(event.reference))
            key = records.conversation_key(message, self._site.systems) if message else None
            if message is None or key is None or value_of(message, message_id(self._site.systems)) is None:
                return
            for _ in range(RACES):
                if self._run(self._turn(message, key, connection)):
                    return
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away
        raise Later("the conversation was changed by others again and again")

    async def _turn(self, message: Json, key: str, connection: psycopg.Connection[Any]) -> bool:
        """Whether the turn is in the record; False: somebody else was faster."""
        record, systems = await self._door(), self._site.systems
        task = await record.create(
            records.conversation_task(message, key, systems),
            {"identifier": f"{systems.sid('whatsapp/conversa')}|{key}"},
        )
        before, heard = stored(task), inbound(message)
        came = turn(before, heard, rules(), _TO_DRAW)
        if came == Turn(before):
            return True
        if _TO_DRAW in repr(came):
            came = turn(before, heard, rules(), self._number(connection))
        place = records.Place(task, message, systems, rules(), now())
        state = msgspec.json.encode(came.conversation).decode()
        entries = [
            {"fullUrl": f"urn:uuid:{uuid4()}", **one} if one["request"]["method"] == "POST" else one
            for one in records.entries(came, state, place)
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        try:
            await record.transaction(r4.serialize(bundle), minimal=True)
        except FhirRefused as refused:
            if refused.status in (409, 412):
                return False
            raise
        return True

    def _number(self, connection: psycopg.Connection[Any]) -> str:
        day = now().astimezone(ZoneInfo(self._site.zone)).date()
        return protocol.number(connection, self._site.ans_registration, day)

    async def _read(self, reference: str) -> Json | None:
        try:
            return await (await self._door()).read(reference)
        except FhirRefused as refused:
            if refused.status in (404, 410):
                return None
            raise

    async def _door(self) -> FhirClient:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.CHAT))
        return self._record


def stored(task: Json) -> Conversation:
    """The conversation of a Task: a new one where there is none yet."""
    for one in task.get("input", ()):
        if one["type"].get("text") == "conversation":
            return msgspec.json.decode(one["valueString"], type=Conversation)
    return _NONE


def inbound(message: Json) -> Inbound:
    """What a Communication says to the engine."""
    kind = message["category"][0]["coding"][0]["code"]
    words = [one for one in message.get("payload", ()) if "contentString" in one and kind != "location"]
    tapped = next((one["valueString"] for part in words for one in part.get("extension", ())), None)
    text = words[0]["contentString"] if words else ""
    return Inbound(
        message["id"], kind, _seconds(message["sent"]), _seconds(message["received"]), text, tapped
    )  # fmt: skip


def _seconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())
