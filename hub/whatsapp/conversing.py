"""Turns into the record: a member's messages, the engine, one transaction. The thin edge of care_services/chat.

The care services' contract, section 3. The conversation's Task is changed with If-Match, in one transaction with all
else that the turn does: a lost race reads and decides again, and a message that is told again changes nothing, whoever
tells it. A conversation that others change again and again goes to a person.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.gathered import Gathered
from care_services.chat import records
from care_services.chat.conversation import Conversation, Extracted, Inbound, Turn, Worded
from care_services.chat.engine import given_up, silent, turn
from care_services.chat.known import Look, Where
from care_services.chat.nearest import SAID
from care_services.chat.recorded import conversation
from care_services.chat.recorded.device import device
from care_services.chat.recorded.place import Place
from care_services.chat.silence import Then
from care_services.chat.thoughts import thoughts
from care_services.triage.rule_set import rules
from hub.ledger import Ledger, now
from hub.whatsapp.looked_up import attributed, looked_up
from mappings import r4
from mappings.identifiers import Systems
from mappings.tasy.site import Site
from messages import protocol

Json = Any

Help = Mapping[str, Extracted | Worded]
"""What a model saw in a thought, or worded for it, by the id of its message."""
_NONE: Help = {}

_AT = re.compile(r"geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)")
RACES = 5
KEPT = 2000
"""Conversations that are known as they were after their last turn, and not read anew for the next."""


class Reply(NamedTuple):
    """What is to be said: a CommunicationRequest."""

    reference: str
    request: Json | None
    """As it is stored; None: it was there before."""


class Conversing:
    """Makes turns. Where several make one of the same conversation, one of them decides anew."""

    def __init__(
        self, record: FhirClient, systems: Systems, number: Callable[[], Awaitable[str]], *, model: bool = False,
        share: float = 1,
    ) -> None:  # fmt: skip
        """record: as the service `hub-chat`. number: draws the number of a protocol. model: whether there is one.
        share: of the time, that it may have the record write.
        """
        self._record, self._systems, self._number, self._model = record, systems, number, model
        self._writes = Gathered(record, share=share)
        self._known: OrderedDict[str, Json] = OrderedDict()
        self._device: str | None = None
        self._to_draw = f"({uuid4()})"
        """Stands for a number that is drawn only if the turn needs one."""

    async def first(self, messages: Sequence[Json]) -> tuple[Conversation, Inbound | None]:
        """Where their conversation stands, and the first of them, a thought, that has had no turn. As `answer`."""
        key = conversation.key(messages[0], self._systems)
        assert key is not None
        before = stored(await self._task(messages[0], key))
        left = thoughts(one for one in map(inbound, messages) if one.id not in before.seen)
        return before, left[0] if left else None

    async def open(self, message: Json) -> None:
        """Its conversation is there, and known until its turn. Raises FhirRefused, PartnerUnavailable."""
        key = conversation.key(message, self._systems)
        assert key is not None
        await self._task(message, key)

    async def answer(self, messages: Sequence[Json], help: Help = _NONE) -> list[Reply]:
        """Makes the turns of messages of one conversation, in their order; what is to be said.

        messages: fewer than a conversation remembers. help: a model's.
        What had its turn has none again. Raises FhirRefused, and PartnerUnavailable: to be told again.
        """
        key = conversation.key(messages[0], self._systems)
        assert key is not None
        heard, of = [inbound(one) for one in messages], {one["id"]: one for one in messages}
        said: list[Reply] = []
        lost = 0
        while True:
            task = await self._task(messages[0], key)
            before = stored(task)
            left = thoughts(one for one in heard if one.id not in before.seen)
            if not left:
                return said
            if lost == RACES:
                said += await self.give_up(of[left[0].id])
                heard = [one for one in heard if one.id not in (*left[0].earlier, left[0].id)]
                lost = 0
                continue
            task, moved = conversation.met(task, of[left[0].id], self._systems)
            thought = _helped(replace(left[0], model=self._model, moved=moved), help)
            came = await self._turn(before, thought, task)
            state = msgspec.json.encode(came.conversation).decode()
            place = replace(await self._place(task, left[0].id), earlier=left[0].earlier)
            entries = records.entries(came, state, place)
            if came.conversation.proof.proved and not before.proof.proved:
                known = {one["request"]["url"] for one in entries}
                more = await attributed(self._record, task, came.conversation.proof.proved)
                entries += [one for one in more if one["request"]["url"] not in known]
            try:
                written, answer = await self._transaction(entries)
            except FhirRefused as refused:
                self._known.pop(key, None)
                if refused.status not in (409, 412):
                    raise
                lost += 1
                continue
            self._know(key, entries, answer)
            said += _said(written, answer)

    async def silence(self, task: Json, then: Then) -> bool:
        """Makes the turn that nobody wrote; False: the conversation is not as it was, and nothing is done.

        task: of a conversation in which something was said. then: the step that is due. Raises FhirRefused,
        PartnerUnavailable.
        """
        before, moment = stored(task), now()
        came = silent(before, then, rules(), self._to_draw, int(moment.timestamp()))
        last = next(one for one in reversed(before.seen) if "/" not in one)  # acts of people are there too
        event = f"{task['id']}-{task['meta']['versionId']}"
        place = replace(await self._place(task, last), event=event, now=moment)
        try:
            await self._transaction(
                records.entries(came, msgspec.json.encode(came.conversation).decode(), place)
            )  # fmt: skip
        except FhirRefused as refused:
            if refused.status not in (409, 412):
                raise
            return False
        return True

    async def _turn(self, before: Conversation, message: Inbound, task: Json) -> Turn:
        """The turn of a message, once what it needs of the record is looked up."""
        while True:
            try:
                return turn(before, message, rules(), self._to_draw)
            except Look as look:
                found = await looked_up(self._record, look, message.found, task, self._systems)
                message = replace(message, found=found)

    async def give_up(self, message: Json, *, alarm: bool = True) -> list[Reply]:
        """A person has the conversation from now on, for a message of which no turn can be made. As `answer`.

        alarm: whether it is looked at for an emergency first.
        """
        key = conversation.key(message, self._systems)
        assert key is not None
        self._known.pop(key, None)
        task = await self._task(message, key)
        before, heard = stored(task), inbound(message)
        came = given_up(before, heard, rules(), self._to_draw, alarm=alarm)
        [put, *others] = records.entries(came, "", await self._place(task, message["id"]))
        status = [{"op": "replace", "path": "/businessStatus", "value": put["resource"]["businessStatus"]}]
        data = b64encode(r4.serialize(status)).decode()
        patch = {  # without If-Match: all else that others know of the conversation stays
            "resource": {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data},
            "request": {"method": "PATCH", "url": put["request"]["url"]},
        }
        written, answer = await self._transaction([patch, *others])
        self._known.pop(key, None)
        return _said(written, answer)

    async def _transaction(self, entries: Sequence[Json]) -> tuple[bytes, list[Json]]:
        """The entries as they were sent, and what is answered to each."""
        body, place = r4.serialize(entries), self._to_draw.encode()
        if place in body:
            body = body.replace(place, (await self._number()).encode())
        return body, await self._writes.serialized(body, len(entries))

    async def _task(self, message: Json, key: str) -> Json:
        """The conversation's, which begins where there is none."""
        known = self._known.pop(key, None)
        if known is None:
            systems = self._systems
            known, _ = await self._writes.create(
                conversation.begun(message, key, systems),
                {"identifier": f"{systems.sid('whatsapp/conversa')}|{key}"},
            )
        self._known[key] = known
        return known

    async def _place(self, task: Json, message: str) -> Place:
        """Where the turn of a message happens."""
        if self._device is None:
            made = device(self._systems)
            named = made["identifier"][0]
            there = await self._record.create(made, {"identifier": f"{named['system']}|{named['value']}"})
            self._device = f"Device/{there['id']}"
        return Place(task, message, f"Communication/{message}", self._systems, rules(), now(), self._device)

    def _know(self, key: str, entries: Sequence[Json], answer: Sequence[Json]) -> None:
        task = entries[0]["resource"]
        version = answer[0]["etag"].removeprefix('W/"').removesuffix('"')
        if self._to_draw in task["input"][0]["valueString"]:
            self._known.pop(key, None)  # the record has the number that was drawn: it is read from there
            return
        opened = task.get("encounter", {}).get("reference", "")
        for entry, told in zip(entries, answer, strict=True):
            if opened and entry.get("fullUrl") == opened:  # its id was not known before
                task = {
                    **task,
                    "encounter": {**task["encounter"], "reference": _reference(told["location"])},
                }
        self._known[key] = {**task, "meta": {**task["meta"], "versionId": version}}
        while len(self._known) > KEPT:
            self._known.popitem(last=False)


def drawing(ledger: Ledger, place: Site) -> Callable[[], Awaitable[str]]:
    """Draws numbers of protocols."""

    async def number() -> str:
        day = now().astimezone(ZoneInfo(place.zone)).date()
        return await ledger(lambda connection: protocol.number(connection, place.ans_registration, day))

    return number


def stored(task: Json) -> Conversation:
    """The conversation of a Task. Its state is the Task's, whoever changed that."""
    known = (one["valueString"] for one in task.get("input", ()) if one["type"].get("text") == "conversation")
    kept = next(known, None)
    found = msgspec.json.decode(kept, type=Conversation) if kept else Conversation()
    return replace(found, state=task["businessStatus"]["text"])


def inbound(message: Json) -> Inbound:
    """What a Communication says to the engine."""
    kind = message["category"][0]["coding"][0]["code"]
    words = [one for one in message.get("payload", ()) if "contentString" in one and kind != "location"]
    tapped = next((one["valueString"] for part in words for one in part.get("extension", ())), None)
    text = words[0]["contentString"] if words else ""
    return Inbound(
        message["id"], kind, int(seconds(message["sent"])), int(seconds(message["received"])), text, tapped,
        place(message.get("payload", ())) if kind == "location" else None,
    )  # fmt: skip


def place(parts: Sequence[Json]) -> Where | None:
    """The place that was shared: a position, and what the channel calls it; None: it is nowhere on earth."""
    said = [one["contentString"] for one in parts if "contentString" in one]
    at = next((_AT.fullmatch(one) for one in said if one.startswith("geo:")), None)
    if at is None or abs(float(at[1])) > 90 or abs(float(at[2])) > 180:
        return None
    return Where((float(at[1]), float(at[2])), said=", ".join(one for one in said if not one.startswith("geo:"))[:SAID])


def seconds(instant: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(instant).timestamp()


def _helped(thought: Inbound, help: Help) -> Inbound:
    """A thought with what a model saw in it, or worded for it."""
    match help.get(thought.id):
        case Extracted() as extracted:
            return replace(thought, extracted=extracted)
        case Worded() as worded:
            return replace(thought, worded=worded)
        case None:
            return thought


def _said(written: bytes, answer: Sequence[Json]) -> list[Reply]:
    """The requests that a transaction made, as they are stored: with their ids, and those of what they refer to."""
    places = [_reference(one.get("location", "")) for one in answer]
    if not any(one.startswith("CommunicationRequest/") for one in places):
        return []
    entries = r4.parse(written)
    ids = {one["fullUrl"]: place for one, place in zip(entries, places, strict=True) if "fullUrl" in one}
    found = []
    for one, place, told in zip(entries, places, answer, strict=True):
        if place.startswith("CommunicationRequest/"):
            made = told["status"].startswith("201")
            found.append(Reply(place, _stored(one["resource"], place, ids) if made else None))
    return found


def _stored(resource: Json, place: str, ids: Mapping[str, str]) -> Json:
    """A first version."""
    text = r4.serialize(resource)
    for name, reference in ids.items():
        text = text.replace(name.encode(), reference.encode())
    return {**r4.parse(text), "id": place.partition("/")[2], "meta": {"versionId": "1"}}


def _reference(location: str) -> str:
    return "/".join(location.split("/_history/")[0].split("/")[-2:])
