"""What hub-serve does for $submit: puts requests into the durable queue, and waits for hub-worker where somebody waits.

Tasy is asked by one process alone: the rate, the circuit and the token are of all callers together.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from fhir_server.outcome import Unavailable, Unprocessable
from hub.ledger import Ledger, Rows, now
from hub.tasy import eligibility, guides
from hub.tasy.order import lane_of
from hub.tasy.telling import ANSWERED, wake
from mappings import r4
from mappings.errors import MappingError
from mappings.tasy.site import Site
from messages import search, store
from messages.states import AT_REST
from messages.store import Incoming

Json = Any

PATIENCE = 6.0
"""Seconds that a caller waits after the worker should have given an answer of its own."""
LOOK = 2.0
"""Between two looks, should NOTIFY be lost."""
_KEPT = 1000
ACTOR = "hub-serve"


class Desk:
    """The payer of `fhir_server`; started in its event loop, and stopped there."""

    def __init__(self, url: str, ledger: Ledger, site: Site, respond: Callable[[Json], Awaitable[str]]) -> None:
        """url: of the database; respond: gives a Claim its ClaimResponse, if it has none; the reference to it."""
        self._url, self._ledger, self._site, self._respond = url, ledger, site, respond
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._told: OrderedDict[int, str] = OrderedDict()
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to listen."""
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Ends."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await asyncio.to_thread(self._ledger.close)

    async def eligibility(self, asked: bytes) -> str:
        """As `fhir_server.payer.Payer`."""
        resource = r4.parse(asked)
        key, lane = f"CoverageEligibilityRequest/{resource['id']}", lane_of(resource)

        def put(connection: Rows) -> tuple[int, str]:
            due = now()
            incoming = Incoming("RT-1", key, asked, direction="out", source="hub", lane=lane, due=due)
            received = store.receive(connection, self._ledger.sealing, incoming, ACTOR, due)
            if not received.new:
                return received.id, _answered(search.message(connection, received.id))
            wake(connection)
            return received.id, ""

        try:
            id, there = await self._ledger(put)
            return there or await self._answer(id, eligibility.PATIENCE[lane] + PATIENCE)
        except psycopg.OperationalError:
            raise Unavailable("the queue cannot be reached") from None

    async def authorization(self, claim: bytes) -> str:
        """As `fhir_server.payer.Payer`."""
        resource = r4.parse(claim)
        try:
            await self._ledger(
                lambda connection: guides.put(connection, self._ledger.sealing, resource, claim, self._site, ACTOR)
            )
            return await self._respond(resource)
        except psycopg.OperationalError:
            raise Unavailable("the queue cannot be reached") from None
        except MappingError as error:
            raise Unprocessable(error.reason, code="required", expression=(error.element,)) from None

    async def _answer(self, id: int, patience: float) -> str:
        loop = asyncio.get_running_loop()
        told = self._told.pop(id, None)
        if told is not None:
            return told
        future = self._waiting.setdefault(id, loop.create_future())
        until = loop.time() + patience
        try:
            while loop.time() < until:
                try:
                    return await asyncio.wait_for(asyncio.shield(future), min(LOOK, until - loop.time()))
                except TimeoutError:
                    found = await self._ledger(lambda connection: _answered(search.message(connection, id)))
                    if found:
                        return found
        finally:
            self._waiting.pop(id, None)
        raise Unavailable("nobody works on what the plan is asked just now; the request is kept")

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                async with connection:
                    await connection.execute(f"listen {ANSWERED}")
                    async for told in connection.notifies():
                        id, _, reference = told.payload.partition(" ")
                        self._tell(int(id), reference)
            except psycopg.OperationalError:
                await asyncio.sleep(1)

    def _tell(self, id: int, reference: str) -> None:
        future = self._waiting.get(id)
        if future is not None and not future.done():
            future.set_result(reference)
            return
        self._told[id] = reference
        while len(self._told) > _KEPT:
            self._told.popitem(last=False)


def _answered(message: search.Message) -> str:
    """The reference to what it was answered with, without version; empty: it is not."""
    if message.state not in AT_REST or not message.applied:
        return ""
    return "/".join(message.applied[0].split("/")[:2])
