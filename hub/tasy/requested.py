"""The service that takes Claims which nobody submitted but which are there: an event puts them into the durable queue.

What it writes is committed with the event's ledger, so a Claim is in the queue exactly if its event is done.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services import authorization
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.ledger import now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy import guides
from hub.tasy.site import site
from mappings import r4
from mappings.errors import MappingError
from messages import protocol

T = TypeVar("T")
ACTOR = "hub-events"
SECONDS = 30.0


class Requested:
    """The service; it has an event loop of its own from its first event on."""

    def __init__(self, settings: Settings) -> None:
        """Raises KeyUnusable, SiteUnusable."""
        self._settings, self._sealing, self._site = settings, bodies(settings), site(settings).site
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._life = AsyncExitStack()
        self._record: FhirClient | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A version of a Claim. Raises Later."""
        try:
            raw = self._run(self._read(event.reference))
            claim = r4.parse(raw) if raw else {}
            if claim.get("use") != guides.PREAUTHORIZATION or claim.get("status") == "draft":
                return
            guides.put(connection, self._sealing, claim, raw, self._site, ACTOR)
            moment = now()
            number = protocol.number(
                connection, self._site.ans_registration, moment.astimezone(ZoneInfo(self._site.zone)).date()
            )
            queued = authorization.queued(claim, number, self._site, moment)
            self._run(self._respond(queued, guides.criteria(claim["id"])))
        except MappingError:
            return  # of no provider's guide: there is nothing to submit, and nobody asked for it
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="requested", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _door(self) -> FhirClient:
        if self._record is None:  # for as long as the process is there
            door = own_clients.door(self._settings, own_clients.AUTHORIZATION)
            self._record = await self._life.enter_async_context(door)
        return self._record

    async def _read(self, reference: str) -> bytes:
        try:
            return (await (await self._door()).send("GET", reference)).body
        except FhirRefused as refused:
            if refused.status in (404, 410):
                return b""
            raise

    async def _respond(self, queued: Any, criteria: dict[str, str]) -> None:
        await (await self._door()).create(queued, criteria)
