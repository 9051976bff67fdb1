"""What WhatsApp tells is kept: each message as a Communication, each status and whatever cannot be read as a message.

The care services' contract, section 2. One transaction for all messages of a body, and of those that come while another
is under way; one that the record refuses is found by halving and set aside for people, so that it takes none of the
others with it. The red-flag scanner looks at every text here, before anything else does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.gathered import Gathered
from adapters.partner_errors import PartnerUnavailable
from hub.ledger import Ledger
from mappings.errors import MappingError
from mappings.identifiers import Systems
from mappings.whatsapp.communication import message_id, to_communication
from mappings.whatsapp.ladder import FAILED
from mappings.whatsapp.webhook import Message, Notice, Status, Told, read
from messages import store
from messages.states import State
from messages.store import INTERACTIVE, Fault, Incoming

Json = Any

SOURCE, ACTOR = "whatsapp", "whatsapp"
MESSAGES, STATUSES, NOTICES = "whatsapp-message", "whatsapp-status", "whatsapp-notice"
FILES = "whatsapp-file"
"""Flows of the store of messages."""
SKEW_SECONDS, ALARM_EVERY = 60, timedelta(minutes=1)
"""What the channel's clock may differ from ours by, and between two alarms at least."""
FOLDED = timedelta(seconds=1)
"""A status waits so long for those that follow it, and for whoever sent the message to have written that it was taken:
they are one change of it then, and nobody writes at the same time."""
_log = logging.getLogger("hub.whatsapp")


def _left_to_events(messages: Sequence[Json]) -> None:
    pass


def _told_again() -> None:
    pass


class Receiver:
    """Keeps what is told, or says that it cannot now."""

    def __init__(
        self, record: FhirClient, ledger: Ledger, systems: Systems, numbers: Collection[str],
        urgent: Callable[[str], bool], now: Callable[[], datetime],
        at_once: Callable[[Sequence[Json]], None] = _left_to_events, away: Callable[[], None] = _told_again,
        folded: timedelta = FOLDED,
    ) -> None:  # fmt: skip
        """numbers: ids of our business numbers. urgent: whether a text may tell of an emergency; it does no I/O.

        at_once: is given the Communications that may, once they are in the record; it returns at once.
        away: is called where one may tell of an emergency and cannot be kept.
        folded: how long a status waits for others.
        """
        self._folded = folded
        self._record, self._ledger, self._systems = Gathered(record, wait=0), ledger, systems
        self._alarmed = datetime.min.replace(tzinfo=UTC)
        self._numbers, self._urgent, self._now, self._at_once = frozenset(numbers), urgent, now, at_once
        self._away = away

    async def keep(self, body: bytes) -> None:
        """Makes everything in a body durable. Raises PartnerUnavailable: nothing is lost if it is told again."""
        try:
            told = read(body)
        except MappingError as error:
            await self._store([_aside(NOTICES, str(uuid4()), body, Fault("structure", error.reason, error.element))])
            return
        known = [one for one in told.messages if one.number in self._numbers]
        self._watch(known)
        try:
            aside = await self._write(known)
        except PartnerUnavailable:
            if any(one.text and self._urgent(one.text) for one in known):
                self._away()
            raise
        await self._store([*aside, *self._others(told, body)])

    def _watch(self, messages: Sequence[Message]) -> None:
        """Sounds an alarm where the channel's clock and ours differ, or it tells late; order is the channel's."""
        moment = self._now()
        off = min((abs(moment.timestamp() - one.at) for one in messages), default=0.0)
        if off > SKEW_SECONDS and moment - self._alarmed >= ALARM_EVERY:
            self._alarmed = moment
            _log.warning("the channel's clock is not ours, or it tells late: %s", {"seconds": round(off)})

    def _others(self, told: Told, body: bytes) -> list[Incoming]:
        """What is no message of a person to one of our numbers."""
        now = self._now()
        found = [_status(one, now, self._folded) for one in told.statuses] + [_notice(one, now) for one in told.notices]
        for one in told.messages:
            if one.number in self._numbers and one.media:
                found.append(Incoming(FILES, one.id, b"{}", source=SOURCE, lane=INTERACTIVE, due=now))
            if one.number not in self._numbers:
                fault = Fault("unknown-number", "was written to a number that is none of ours")
                found.append(_aside(MESSAGES, one.id, _json(one.source), fault))
        if told.faults:
            first = told.faults[0]
            found.append(_aside(NOTICES, str(uuid4()), body, Fault(first.code, first.reason, first.element)))
        return found

    async def _write(self, messages: Sequence[Message]) -> list[Incoming]:
        """Creates their Communications; what the record refuses is given back. Raises PartnerUnavailable."""
        if not messages:
            return []
        entries = self._entries(messages)
        try:
            answers = await self._record.transaction(entries)
        except FhirRefused as refused:
            if len(messages) > 1:
                half = len(messages) // 2
                return [*await self._write(messages[:half]), *await self._write(messages[half:])]
            code = refused.issues[0].code if refused.issues else "processing"
            element = refused.issues[0].element if refused.issues else ""
            fault = Fault(code, f"the record refuses it with {refused.status}", element)
            return [_aside(MESSAGES, messages[0].id, _json(messages[0].source), fault)]
        if any(one["resource"]["priority"] == "stat" for one in entries):
            self._at_once(list(_urgent(entries, answers)))
        return []

    def _entries(self, messages: Sequence[Message]) -> list[Json]:
        received, system = self._now(), message_id(self._systems)
        entries = []
        for one in messages:
            resource = to_communication(one, self._systems, received=received)
            resource["priority"] = "stat" if one.text and self._urgent(one.text) else "routine"
            request = {
                "method": "POST", "url": "Communication", "ifNoneExist": f"identifier={system}|{one.id}",
            }  # fmt: skip
            entries.append({"resource": resource, "request": request})  # none of them refers to another
        return entries

    async def _store(self, found: Sequence[Incoming]) -> None:
        if not found:
            return
        now = self._now()
        try:
            await self._ledger(
                lambda connection: store.receive_many(connection, self._ledger.sealing, found, ACTOR, now)
            )
        except psycopg.Error as error:
            raise PartnerUnavailable("the store of messages is away") from error


def _json(source: Json) -> bytes:
    return msgspec.json.encode(source)


def _urgent(entries: Sequence[Json], answers: Sequence[Json]) -> Iterator[Json]:
    """Those that may tell of an emergency, as they are stored."""
    for one, stored in zip(entries, answers, strict=True):
        if one["resource"]["priority"] == "stat":
            id = stored["location"].split("/_history/")[0].rpartition("/")[2]
            yield {**one["resource"], "id": id}


def _status(one: Status, now: datetime, folded: timedelta) -> Incoming:
    """A status is taken by the round that applies them (`statuses.py`): in any order, for order does not matter."""
    body = msgspec.json.encode(
        {
            "id": one.id, "state": one.state, "at": one.at, "tracking": one.tracking, "errors": one.errors,
            "number": one.number,
        }
    )  # fmt: skip
    due = now if one.state == FAILED else now + folded
    return Incoming(STATUSES, f"{one.id}:{one.state}", body, source=SOURCE, lane=INTERACTIVE, due=due)


def _notice(one: Notice, now: datetime) -> Incoming:
    """A notice is taken by the round that looks after numbers (`numbers.py`)."""
    return Incoming(NOTICES, f"{one.field}:{one.time}", _json(one.source), source=SOURCE, lane=INTERACTIVE, due=now)


def _aside(flow: str, key: str, raw: bytes, fault: Fault) -> Incoming:
    """For people to look at."""
    return Incoming(flow, key, raw, source=SOURCE, lane=INTERACTIVE, then=(State.QUARENTENA,), fault=fault)
