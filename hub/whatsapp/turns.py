"""Whoever makes turns of conversations: many conversations side by side, of each one message or thought after another.

The care services' contract, sections 2 and 3. What is to be answered is noted in `messages.unanswered` and goes from
there once its turn is in the record (`answering.py`): who is killed in between is followed by somebody who makes the
turn again, which then has no second effect. What does not get there because the broker is away is read from where it
waits for it. One process at a time works; the others wait for its advisory lock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from typing import Any

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.gathered import rest
from adapters.partner_errors import PartnerUnavailable
from care_services.chat.recorded import conversation
from care_services.triage.rule_set import rules
from fhir_server.events.delivery import Bury
from fhir_server.resource_types import TYPE_ID
from hub import own_clients
from hub.ledger import Ledger
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.answering import Answering, Open
from hub.whatsapp.assisting import assisting
from hub.whatsapp.conversing import Conversing, drawing
from hub.whatsapp.sending import Sending
from hub.whatsapp.under_way import UnderWay
from hub.whatsapp.waiting import Line, heard
from mappings.identifiers import value_of
from mappings.whatsapp.communication import message_id
from messages import unanswered
from messages.unanswered import Unanswered

LOCK = 4_611_686_018_427_387_895
"""Advisory lock of the one that works."""
CONNECTIONS = 9
LOOK_SECONDS = 0.2
"""Between two looks: those that need not wait wait so long, and what came meanwhile is read at once."""
READ, MOST_ROWS = 100, 1000
"""Messages that are read at a time, and rows of what waits."""
SHARE = 1 / 3
"""Of the time, that turns may have the record read and write: in a flood it takes messages first."""
AGAIN_SECONDS = 1.0
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
            conversing = Conversing(record, self._place.systems, number, model=assistant is not None, share=SHARE)
            there = Open(self._place.systems, record, conversing, assistant, ledger)
            while True:
                try:
                    await self._lead(there)
                except* psycopg.Error as lost:
                    _log.warning("the database is lost: %s", [type(one).__name__ for one in lost.exceptions])
                await asyncio.sleep(AGAIN_SECONDS)

    async def _lead(self, there: Open) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="hub-turns"
        ) as connection:
            while not await _leading(connection):  # noqa: ASYNC110 - others hold it
                await asyncio.sleep(AGAIN_SECONDS)
            await connection.execute(f"listen {unanswered.CHANNEL}".encode())
            async with asyncio.TaskGroup() as group:
                looking = _Looking(there, group)
                answering = Answering(there, self._sending, self._under_way, self._bury, looking.had)
                while True:
                    begun = time.monotonic()
                    if await looking.look(connection, answering):
                        await asyncio.sleep(max(LOOK_SECONDS, rest(time.monotonic() - begun, SHARE)))
                    else:
                        async for _ in connection.notifies(timeout=AGAIN_SECONDS, stop_after=1):
                            pass


class _Looking:
    """For what waits, by one who leads: each message comes into the line of its conversation."""

    def __init__(self, there: Open, group: asyncio.TaskGroup) -> None:
        self._systems, self._record, self._ledger, self._group = there.systems, there.record, there.ledger, group
        self._lines: dict[str, Line] = {}
        self._known: set[int] = set()
        """Those that are in line."""
        self._worked: set[int] = set()
        """Those that had their turn, as long as the broker might still be told of them."""

    def had(self, sequences: Collection[int]) -> None:
        """Messages that have had their turn."""
        self._known.difference_update(sequences)
        self._worked.update(sequences)

    async def look(self, connection: psycopg.AsyncConnection[Any], answering: Answering) -> bool:
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
                await self._line_up(found[place : place + READ], answering)
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("messages wait for their turn: %s", away)
            await asyncio.sleep(AGAIN_SECONDS)
        return bool(found)

    async def _line_up(self, found: Sequence[Unanswered], answering: Answering) -> None:
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
            line.waiting.append(heard(one, message))
            line.news.set()
            if line.task is None:
                line.task = self._group.create_task(self._answered(key, line, answering))
        if nobodys:
            self._worked.update(nobodys)
            await self._ledger(lambda rows: unanswered.answered(rows, nobodys))

    async def _answered(self, key: str, line: Line, answering: Answering) -> None:
        await answering.answer(line)
        del self._lines[key]


async def _leading(connection: psycopg.AsyncConnection[Any]) -> bool:
    rows = await connection.execute(f"select pg_try_advisory_lock({LOCK})".encode())
    row = await rows.fetchone()
    return row is not None and bool(row[0])
