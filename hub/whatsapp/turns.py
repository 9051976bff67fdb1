"""Whoever makes turns of conversations: many conversations side by side, of each one message or thought after another.

The care services' contract, sections 2 and 3. What is to be answered is noted in `messages.unanswered` and goes from
there once its turn is in the record: who is killed in between is followed by somebody who makes the turn again, which
then has no second effect. What does not get there because the broker is away is read from where it waits for it. What
is to be said is sent at once; its event finds that done. One process at a time works; the others wait for its
advisory lock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.chat.recorded import conversation
from care_services.chat.thoughts import MOST, due, whole
from care_services.triage.rule_set import rules
from fhir_server.events.delivery import Bury, Fault
from fhir_server.events.event import Event
from fhir_server.resource_types import TYPE_ID
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import Ledger
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.assisting import Assisting, assisting
from hub.whatsapp.changed import mark
from hub.whatsapp.conversing import Conversing, Help, Reply, drawing, inbound, seconds
from hub.whatsapp.hearing import SPOKEN
from hub.whatsapp.sending import Sending
from hub.whatsapp.under_way import UnderWay
from mappings.identifiers import Systems, value_of
from mappings.whatsapp.communication import message_id
from messages import unanswered
from messages.unanswered import Unanswered

Json = Any

LOCK = 4_611_686_018_427_387_895
"""Advisory lock of the one that works."""
SIDE_BY_SIDE = 64
"""Turns that are made at the same time; what they write goes together."""
CONNECTIONS = 9
LOOK_SECONDS = 0.2
"""Between two looks: those that need not wait wait so long, and what came meanwhile is read at once."""
TOGETHER = 50
"""Messages of a conversation that are taken at a time: fewer than it remembers."""
READ, MOST_ROWS = 100, 1000
"""Messages that are read at a time, and rows of what waits."""
AGAIN_SECONDS = 1.0
LONGEST_PAUSE = 30.0
"""Before another try of a turn, at most: as long as the record is away."""
STUCK_SECONDS = 2.0
"""A message whose event is on its way to the broker for longer is not waited for."""

# Of those that are noted and of those that are stuck, what is not known yet.
_WAITING = f"""
select distinct on (sequence) sequence, reference, since from (
  (select sequence, reference, since from messages.unanswered where sequence <> all(%(known)s)
   order by sequence limit {MOST_ROWS})
  union all
  (select e.sequence, 'Communication/' || r.fhir_id || '/_history/1', e.since
   from event e join resource r on r.rid = e.rid
   where e.type_id = {TYPE_ID["Communication"]} and e.interaction = 'create' and e.since < %(stuck)s
     and e.sequence <> all(%(known)s)
   order by e.sequence limit {MOST_ROWS})) w
order by sequence"""
_STUCK = "select sequence from event where sequence = any(%s)"

_log = logging.getLogger("hub.whatsapp")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that waits for its turn."""

    noted: Unanswered
    message: Json
    at: int
    """By the channel's clock."""
    received: float
    at_once: bool
    """It is urgent, or no half of a thought."""
    spoken: bool = False
    """Nobody has written it down yet."""

    @property
    def urgent(self) -> bool:
        """Whether it may tell of an emergency."""
        return bool(self.message.get("priority") == "stat")


@dataclass(slots=True)
class Line:
    """What waits of one conversation."""

    waiting: list[Heard] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Made:
    """What came of turns."""

    said: list[Reply] = field(default_factory=list)
    buried: list[tuple[Heard, Exception]] = field(default_factory=list)
    """For people to look at, and why."""


class Turns:
    """`run` makes them until cancelled."""

    def __init__(self, settings: Settings, url: str, bury: Bury, under_way: UnderWay) -> None:
        """url: of the database. bury: keeps for people what cannot be worked on. under_way: is told what is sent.

        Raises SiteUnusable.
        """
        self._settings, self._url, self._bury, self._under_way = settings, url, bury, under_way
        self._place, self._sending = site(settings).site, Sending(settings, url)

    async def run(self) -> None:
        """Works whenever it is the one."""
        await asyncio.to_thread(rules)  # the first message should not wait for them
        ledger = Ledger(self._url, bodies(self._settings))
        async with (
            own_clients.door(self._settings, own_clients.CHAT, CONNECTIONS) as record,
            assisting(self._settings, record, ledger, self._place.systems) as assistant,
        ):
            number = drawing(ledger, self._place)
            conversing = Conversing(record, self._place.systems, number, model=assistant is not None)
            while True:
                try:
                    await self._lead(record, conversing, assistant, ledger)
                except* psycopg.Error as lost:
                    _log.warning("the database is lost: %s", [type(one).__name__ for one in lost.exceptions])
                await asyncio.sleep(AGAIN_SECONDS)

    async def _lead(
        self, record: FhirClient, conversing: Conversing, assistant: Assisting | None, ledger: Ledger
    ) -> None:  # fmt: skip
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="hub-turns"
        ) as connection:
            while not await _leading(connection):  # noqa: ASYNC110 - others hold it
                await asyncio.sleep(AGAIN_SECONDS)
            await connection.execute(f"listen {unanswered.CHANNEL}".encode())
            async with asyncio.TaskGroup() as group:
                work = _Work(
                    self._place.systems, record, conversing, assistant, self._sending, self._under_way, ledger,
                    self._bury, group,
                )  # fmt: skip
                while True:
                    if await work.look(connection):
                        await asyncio.sleep(LOOK_SECONDS)
                    else:
                        async for _ in connection.notifies(timeout=AGAIN_SECONDS, stop_after=1):
                            pass


class _Work:
    """Of one who leads."""

    def __init__(
        self, systems: Systems, record: FhirClient, conversing: Conversing, assistant: Assisting | None,
        sending: Sending, under_way: UnderWay, ledger: Ledger, bury: Bury, group: asyncio.TaskGroup,
    ) -> None:  # fmt: skip
        self._systems, self._record, self._conversing, self._sending = systems, record, conversing, sending
        self._assistant = assistant
        self._ledger, self._bury, self._group, self._under_way = ledger, bury, group, under_way
        self._side_by_side = asyncio.Semaphore(SIDE_BY_SIDE)
        self._lines: dict[str, Line] = {}
        self._known: set[int] = set()
        """Those that are in line."""
        self._worked: set[int] = set()
        """Those that had their turn, as long as the broker might still be told of them."""

    async def look(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Whether there was anything new: each such message is in line now."""
        if self._worked:
            rows = await connection.execute(_STUCK, [list(self._worked)])
            self._worked = {row[0] for row in await rows.fetchall()}
        stuck = time.time_ns() // 1000 - int(STUCK_SECONDS * 1_000_000)
        known = [*self._known, *self._worked]
        rows = await connection.execute(_WAITING.encode(), {"known": known, "stuck": stuck})
        found = [Unanswered(*row) for row in await rows.fetchall()]
        try:
            for place in range(0, len(found), READ):
                await self._line_up(found[place : place + READ])
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("messages wait for their turn: %s", away)
            await asyncio.sleep(AGAIN_SECONDS)
        return bool(found)

    async def _line_up(self, found: Sequence[Unanswered]) -> None:
        criteria = {"_id": ",".join(one.id for one in found), "_count": str(READ)}
        there = {one["id"]: one async for one in self._record.search("Communication", criteria)}
        nobodys = []
        for one in found:
            message = there.get(one.id)
            key = conversation.key(message, self._systems) if message else None
            if message is None or key is None or value_of(message, message_id(self._systems)) is None:
                nobodys.append(one.sequence)
                continue
            self._known.add(one.sequence)
            line = self._lines.setdefault(key, Line())
            line.waiting.append(_heard(one, message))
            line.news.set()
            if line.task is None:
                line.task = self._group.create_task(self._converse(key, line))
        if nobodys:
            self._worked.update(nobodys)
            await self._ledger(lambda rows: unanswered.answered(rows, nobodys))

    async def _converse(self, key: str, line: Line) -> None:
        """One after another, until nothing waits."""
        failed = 0
        while line.waiting:
            await self._begun(line)
            while (left := _moment(line.waiting) - time.time()) > 0:
                line.news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(line.news.wait(), min(left, MOST))
            await self._heard(line)
            help = await self._seen(line)
            try:
                async with self._side_by_side:
                    taken = _next(line)
                    made = await self._turned(taken, help)
                await self._finished(taken, made)
                failed = 0
            except PartnerUnavailable as away:
                failed += 1
                await asyncio.sleep(max(away.retry_after, min(2.0 ** (failed - 2), LONGEST_PAUSE)))
                continue
            line.waiting = [one for one in line.waiting if one not in taken]
        del self._lines[key]

    async def _begun(self, line: Line) -> None:
        """The conversation is known by the time its turn is due, where there is time until then."""
        if any(one.at_once for one in line.waiting):
            return
        try:
            await self._conversing.open(line.waiting[0].message)
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("a conversation is opened with its turn: %s", {"error": type(away).__name__})

    async def _heard(self, line: Line) -> None:
        """What was spoken, of what waits, is written down where a model can."""
        for at, one in enumerate(line.waiting):
            if self._assistant is not None and one.spoken:
                message = one.message
                with suppress(PartnerUnavailable, FhirRefused, psycopg.Error):
                    message = await self._assistant.heard(self._conversing, message)
                line.waiting[at] = replace(one, message=message, spoken=False)

    async def _seen(self, line: Line) -> Help:
        """What a model sees in what waits: nothing as soon as an emergency is there.

        It is asked outside of the turns that are made side by side, so that a slow one holds up no other conversation.
        """
        if self._assistant is None or any(one.urgent for one in line.waiting):
            return {}
        line.news.clear()
        asked = asyncio.create_task(self._assistant.seen(self._conversing, [one.message for one in _next(line)]))
        news = asyncio.create_task(_urgent_news(line))
        try:
            await asyncio.wait({asked, news}, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else {}
        except (PartnerUnavailable, FhirRefused, psycopg.Error) as away:
            _log.warning("no model was asked: %s", {"error": type(away).__name__})
            return {}
        except Exception as error:  # noqa: BLE001 - whatever a model does, the turn is made without it
            _log.error("no model was asked: %s", {"trace": places(error)})
            return {}
        finally:
            asked.cancel()
            news.cancel()

    async def _turned(self, taken: Sequence[Heard], help: Help) -> _Made:
        """Their turns are in the record, or people are to have them. Raises PartnerUnavailable, psycopg.Error."""
        made = _Made()
        try:
            made.said += await self._conversing.answer([one.message for one in taken], help)
        except (PartnerUnavailable, psycopg.Error):
            raise
        except Exception as error:  # noqa: BLE001 - a turn that fails must not hold up other conversations
            _log.error("a turn failed: %s", {"trace": places(error)})
            for one in taken:
                given = await self._given_up(one)
                if isinstance(given, Exception):
                    made.buried.append((one, given))
                else:
                    made.said += given
        return made

    async def _finished(self, taken: Sequence[Heard], made: _Made) -> None:
        """What is to be said is sent while it is noted that nothing waits for an answer: whoever dies between the two
        is followed by one who finds the turn made. Raises PartnerUnavailable, psycopg.Error."""
        begun = [(reply, self._under_way.begins(reply.reference)) for reply in made.said]
        for one in taken:
            await self._marked(one)
        sequences = [one.noted.sequence for one in taken]

        def done(rows: psycopg.Connection[Any]) -> None:
            with rows.transaction():
                for one, error in made.buried:
                    self._bury(rows, _fault(one.noted, error))
                unanswered.answered(rows, sequences)

        known = {f"Communication/{one.message['id']}": one.message for one in taken}
        async with asyncio.TaskGroup() as both:
            both.create_task(self._all_sent(begun, known))
            await self._ledger(done)
        self._known.difference_update(sequences)
        self._worked.update(sequences)

    async def _all_sent(self, begun: Sequence[tuple[Reply, Future[bool]]], known: Mapping[str, Json]) -> None:
        for reply, told in begun:
            await self._sent(reply, known, told)

    async def _marked(self, one: Heard) -> None:
        try:
            await mark(self._record, one.message, self._systems)
        except FhirRefused as refused:
            _log.error("a message that was changed is not marked: %s", {"status": refused.status})

    async def _sent(self, reply: Reply, known: Mapping[str, Json], told: Future[bool]) -> None:
        """Sends what is to be said, as its event will where this fails."""
        own = {} if reply.request is None else {reply.reference: reply.request}
        sent = False
        try:
            await self._sending.send(reply.reference, known={**known, **own})
            sent = True
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("a reply is left to its event: %s", {"error": type(away).__name__})
        except Exception as error:  # noqa: BLE001 - as above: its event has people look at it
            _log.error("a reply is left to its event: %s", {"trace": places(error)})
        finally:
            told.set_result(sent)

    async def _given_up(self, one: Heard) -> list[Reply] | Exception:
        """Tries it by itself; else a person has the talk: what is to be said; else why that cannot be either."""
        talks, message, failed = self._conversing, one.message, Exception()
        for attempt in (
            partial(talks.answer, [message]), partial(talks.give_up, message),
            partial(talks.give_up, message, alarm=False),
        ):  # fmt: skip
            try:
                return await attempt()
            except (PartnerUnavailable, psycopg.Error):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                failed = error
        return failed


def _next(line: Line) -> list[Heard]:
    """What is taken next, in its order."""
    return sorted(line.waiting, key=lambda one: (one.at, one.noted.sequence))[:TOGETHER]


async def _urgent_news(line: Line) -> None:
    """Returns once an emergency waits."""
    while not any(one.urgent for one in line.waiting):
        await line.news.wait()
        line.news.clear()


async def _leading(connection: psycopg.AsyncConnection[Any]) -> bool:
    rows = await connection.execute(f"select pg_try_advisory_lock({LOCK})".encode())
    row = await rows.fetchone()
    return row is not None and bool(row[0])


def _heard(noted: Unanswered, message: Json) -> Heard:
    said = inbound(message)
    at_once = message.get("priority") == "stat" or whole(said)
    return Heard(noted, message, said.at, seconds(message["received"]), at_once, said.kind in SPOKEN and not said.text)


def _moment(waiting: Iterable[Heard]) -> float:
    """When their turn is due."""
    found = list(waiting)
    if any(one.at_once for one in found):
        return 0.0
    received = [one.received for one in found]
    return due(min(received), max(received))


def _fault(noted: Unanswered, error: Exception) -> Fault:
    event = Event(noted.sequence, noted.reference, "create", "/".join(noted.reference.split("/")[:2]), noted.since)
    return Fault("chat", event, 1, type(error).__qualname__, error)
