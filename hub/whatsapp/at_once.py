"""Red flags answered where they arrive: turn and reply are made by the process that took the message.

The care services' contract, sections 1 and 10: no broker, event or queue stands before an emergency. It is tried
beside everything else, after the message is in the record; what fails here has its turn as all others have theirs, and
finds nothing left to do where it did not fail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerUnavailable
from fhir_server.app import Asgi
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import Ledger
from hub.settings import Settings
from hub.whatsapp.conversing import Conversing, drawing
from hub.whatsapp.sending import Sending
from mappings.tasy.site import Site

Json = Any

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before further tries: the record may be away for a moment."""

_log = logging.getLogger("hub.whatsapp")


class AtOnce:
    """Between `start` and `stop`."""

    def __init__(self, settings: Settings, ledger: Ledger, place: Site, sending: Sending) -> None:
        """ledger: theirs who made it. sending: of its event loop; events send what it does not."""
        self._settings, self._ledger, self._place, self._sending = settings, ledger, place, sending
        self._open = AsyncExitStack()
        self._conversing: Conversing | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self, here: Asgi) -> None:
        """Opens the record and the channel. here: the application that has the record. Raises KeyUnusable."""
        await self._sending.open()
        record = await self._open.enter_async_context(
            own_clients.door(self._settings, own_clients.CHAT, here=here)
        )  # fmt: skip
        self._conversing = Conversing(record, self._place.systems, drawing(self._ledger, self._place))

    async def stop(self) -> None:
        """Ends what is under way: events come to it."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._open.aclose()

    def __call__(self, messages: Sequence[Json]) -> None:
        """Communications with red flags, just stored. Returns at once."""
        for one in messages:
            task = asyncio.create_task(self._answered(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _answered(self, message: Json) -> None:
        assert self._conversing is not None
        for pause in (*PAUSES, None):
            try:
                known = {f"Communication/{message['id']}": message}
                for said in await self._conversing.answer([message]):
                    own = {} if said.request is None else {said.reference: said.request}
                    await self._sending.send(said.reference, known={**known, **own})
                return
            except (PartnerUnavailable, FhirRefused, psycopg.Error) as error:
                _log.warning("a red flag is not answered yet: %s", {"error": type(error).__name__})
            except Exception as error:  # noqa: BLE001 - its event comes, and whoever makes that turn has people look at it
                _log.error("a red flag is left to events: %s", {"trace": places(error)})
                return
            if pause is not None:
                await asyncio.sleep(pause)
