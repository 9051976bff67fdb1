"""The worker's way through the durable queue: takes what is due, hands it to whoever knows it, says what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tasy import client
from adapters.tasy.wire import Flow
from fhir_server.trouble import places
from hub.ledger import Rows, now
from hub.tasy import authorization, callbacks, claim_status, directory, eligibility
from hub.tasy.parts import ACTOR, Parts
from hub.tasy.telling import QUEUED
from mappings.errors import MappingError
from messages import queue
from messages.queue import Taken
from messages.states import NotAllowed, State
from messages.store import BACKGROUND, INTERACTIVE, URGENT, Fault, LeaseLost

Handler = Callable[[Parts, Taken], Awaitable[None]]

HANDLERS: Mapping[tuple[str, str], tuple[Handler, Flow]] = {
    ("RT-1", "out"): (eligibility.ask, client.ELIGIBILITY),
    ("RT-1", "in"): (eligibility.receive, client.ELIGIBILITY),
    ("RT-2", "out"): (authorization.send, client.AUTHORIZATION),
    ("RT-2", "in"): (authorization.receive, client.AUTHORIZATION),
    ("RT-3", "in"): (directory.receive, client.DIRECTORY),
    ("RT-4", "in"): (claim_status.receive, client.CLAIM_STATUS),
    ("callback", "in"): (callbacks.follow, client.AUTHORIZATION),
}
"""Flow and direction -> who knows it, and whose circuit it goes by."""
TAKERS: tuple[tuple[str, tuple[int, ...], int], ...] = (
    ("RT-1", (URGENT,), 64),
    ("RT-1", (INTERACTIVE,), 32),
    ("RT-1", (BACKGROUND,), 8),
    ("RT-2", queue.LANES, 32),
    ("RT-3", queue.LANES, 4),
    ("RT-4", queue.LANES, 4),
    ("callback", queue.LANES, 8),
)
"""Flow, lanes, and how many of them are worked on at the same time: what waits keeps nobody urgent from being taken."""
FLOWS = tuple(dict.fromkeys(flow for flow, _, _ in TAKERS))
AT_ONCE = 16
"""Taken in one round trip."""
LOOK = 1.0
"""Seconds between two looks at the queue, should NOTIFY be lost, or something become due."""
_CIRCUIT = timedelta(seconds=1)
_log = logging.getLogger("hub.worker")


async def work(parts: Parts, url: str) -> None:
    """Works until it is cancelled, as the only one. url: of the database."""
    news = [asyncio.Event() for _ in TAKERS]
    await parts.ledger(lambda connection: queue.reclaim(connection, FLOWS, now()))
    async with asyncio.TaskGroup() as group:
        group.create_task(_listen(url, news))
        for taker, mine in zip(TAKERS, news, strict=True):
            group.create_task(_take(parts, *taker, mine))


async def _take(parts: Parts, flow: str, lanes: tuple[int, ...], most: int, news: asyncio.Event) -> None:
    under_way: set[asyncio.Task[None]] = set()

    def ended(task: asyncio.Task[None]) -> None:
        under_way.discard(task)
        news.set()

    def take(connection: Rows) -> list[Taken]:
        room = min(most - len(under_way), AT_ONCE)
        if not room:
            return []
        return queue.take_many(connection, parts.ledger.sealing, now(), (flow,), most=room, lanes=lanes)

    while True:
        news.clear()
        try:
            taken = await parts.ledger(take)
        except psycopg.OperationalError as error:
            _log.warning("the queue cannot be reached: %s", type(error).__name__)
            taken = []
        for one in taken:
            task = asyncio.create_task(handle(parts, one))
            under_way.add(task)
            task.add_done_callback(ended)
        if not taken:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK)


async def _listen(url: str, news: Sequence[asyncio.Event]) -> None:
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(f"listen {QUEUED}")
                async for _ in connection.notifies():
                    for one in news:
                        one.set()
        except psycopg.OperationalError as error:
            _log.warning("the database is lost: %s", type(error).__name__)
            await asyncio.sleep(LOOK)


async def handle(parts: Parts, taken: Taken) -> None:
    """One message, whatever becomes of it."""
    handler, flow = HANDLERS[taken.flow, taken.direction]
    try:
        try:
            await handler(parts, taken)
        except PartnerUnavailable as away:
            wait = timedelta(seconds=away.retry_after)
            if parts.wire.breaker(flow).state != "closed" and away.retry_after:
                # Nobody was asked: that is no attempt.
                await parts.ledger(lambda connection: queue.later(connection, taken, now() + wait + _CIRCUIT))
            else:
                await _again(parts, taken, Fault("transient", away.reason), wait)
        except PartnerRefused as refusal:
            await _dead(parts, taken, Fault(refusal.issue, f"refused with {refusal.code or 'no code'}"))
        except MappingError as error:
            await _dead(parts, taken, Fault("processing", error.reason, error.element))
        except FhirRefused as refused:
            issue = refused.issues[0] if refused.issues else None
            fault = Fault(issue.code if issue else "processing", str(refused), issue.element if issue else "")
            if refused.status in (409, 412):
                await _again(parts, taken, fault, timedelta(0))
            else:
                await _dead(parts, taken, fault)
        except (LeaseLost, NotAllowed):
            raise
        except Exception as error:  # noqa: BLE001 - outermost of a message: it is told, and tried again
            _log.error("a message cannot be worked on: %s", {"flow": taken.flow, "trace": places(error)})
            await _again(parts, taken, Fault("exception", type(error).__name__), timedelta(0))
    except (LeaseLost, NotAllowed) as error:
        _log.warning("somebody else has the message: %s", {"flow": taken.flow, "why": type(error).__name__})
    except psycopg.OperationalError as error:
        _log.warning("what became of a message cannot be noted: %s", type(error).__name__)


async def _again(parts: Parts, taken: Taken, fault: Fault, after: timedelta) -> None:
    await parts.ledger(lambda connection: queue.again(connection, taken, now(), fault, ACTOR, after=after))


async def _dead(parts: Parts, taken: Taken, fault: Fault) -> None:
    def note(connection: Rows) -> Any:
        return queue.done(connection, taken, State.MORTA, ACTOR, now(), fault=fault, reason=fault.reason)

    await parts.ledger(note)
