"""What waits of a conversation has its turns, one after another, and what they say is sent.

The care services' contract, sections 2, 3 and 8. A turn that fails is tried by itself, then a person has the talk; what
cannot even be given to a person is kept for people to look at, and holds up nothing. What is to be said is sent at
once; its event finds that done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.chat.thoughts import MOST
from fhir_server.events.delivery import Bury, Fault
from fhir_server.events.event import Event
from fhir_server.trouble import places
from hub.ledger import Ledger
from hub.whatsapp.assisting import Assisting
from hub.whatsapp.changed import mark
from hub.whatsapp.conversing import Conversing, Help, Reply
from hub.whatsapp.sending import Sending
from hub.whatsapp.under_way import UnderWay
from hub.whatsapp.waiting import Heard, Line
from mappings.identifiers import Systems
from messages import unanswered
from messages.unanswered import Unanswered

Json = Any

SIDE_BY_SIDE = 64
"""Turns that are made at the same time; what they write goes together."""
LONGEST_PAUSE = 30.0
"""Before another try of a turn, at most: as long as the record is away."""
_log = logging.getLogger("hub.whatsapp")


@dataclass(slots=True)
class _Made:
    """What came of turns."""

    said: list[Reply] = field(default_factory=list)
    buried: list[tuple[Heard, Exception]] = field(default_factory=list)
    """For people to look at, and why."""


@dataclass(frozen=True, slots=True)
class Open:
    """What there is for as long as somebody works."""

    systems: Systems
    record: FhirClient
    conversing: Conversing
    assistant: Assisting | None
    ledger: Ledger


class Answering:
    """Many conversations side by side."""

    def __init__(
        self, there: Open, sending: Sending, under_way: UnderWay, bury: Bury, had: Callable[[Collection[int]], None]
    ) -> None:  # fmt: skip
        """had: is told the sequences of those that have had their turn."""
        self._systems, self._record, self._conversing = there.systems, there.record, there.conversing
        self._assistant, self._ledger = there.assistant, there.ledger
        self._sending, self._under_way, self._bury, self._had = sending, under_way, bury, had
        self._side_by_side = asyncio.Semaphore(SIDE_BY_SIDE)

    async def answer(self, line: Line) -> None:
        """One after another, until nothing waits. Raises psycopg.Error."""
        failed = 0
        while line.waiting:
            await self._begun(line)
            while (left := line.due() - time.time()) > 0:
                line.news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(line.news.wait(), min(left, MOST))
            await self._heard(line)
            help = await self._seen(line)
            try:
                async with self._side_by_side:
                    taken = line.next()
                    made = await self._turned(taken, help)
                await self._finished(taken, made)
                failed = 0
            except PartnerUnavailable as away:
                failed += 1
                await asyncio.sleep(max(away.retry_after, min(2.0 ** (failed - 2), LONGEST_PAUSE)))
                continue
            line.waiting = [one for one in line.waiting if one not in taken]

    async def _begun(self, line: Line) -> None:
        """The conversation is known by the time its turn is due, where there is time until then."""
        if any(one.at_once for one in line.waiting):
            return
        try:
            await self._conversing.open(line.waiting[0].message)
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("a conversation is opened with its turn: %s", {"error": type(away).__name__})
        except Exception as error:  # noqa: BLE001 - its turn finds it again, where people can have the talk
            _log.error("a conversation is opened with its turn: %s", {"trace": places(error)})

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
        if self._assistant is None or line.urgent:
            return {}
        line.news.clear()
        asked = asyncio.create_task(self._assistant.seen(self._conversing, [one.message for one in line.next()]))
        news = asyncio.create_task(line.urgent_news())
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
        await asyncio.gather(self._ledger(done), self._all_sent(begun, known))
        self._had(sequences)

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


def _fault(noted: Unanswered, error: Exception) -> Fault:
    event = Event(noted.sequence, noted.reference, "create", "/".join(noted.reference.split("/")[:2]), noted.since)
    return Fault("chat", event, 1, type(error).__qualname__, error)
