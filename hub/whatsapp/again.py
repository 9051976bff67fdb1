"""Messages that are looked at again: those whose next try is due, and those of an emergency that nobody saw sent.

The care services' contract, sections 2 and 10: what M-04, M-06 and M-07 come with that is not sent within 20 seconds is
tried once more from the same number; if that is not sent either, somebody telephones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.delivery.decision import rank
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import now
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.requested import WATCHED, due, notice, route
from hub.whatsapp.sending import Sending
from mappings.identifiers import Systems
from mappings.whatsapp.phone import forms
from mappings.whatsapp.sends import FAILED, Send, instant, sends

Json = Any

PATIENCE = timedelta(seconds=20)
"""For so long a message of an emergency may be not sent yet."""
WATCH = timedelta(hours=24)
"""Requests older than that are no longer watched: people have them."""
SIDE_BY_SIDE = 8
_log = logging.getLogger("hub.whatsapp")


class Step(Enum):
    """What the watch does."""

    NOTHING = "nothing"
    AGAIN = "again"
    TELEPHONE = "telephone"


def step(request: Json, every: Sequence[Send], moment: datetime) -> Step:
    """What is done about a request of an emergency that is not known to be sent. Pure."""
    planned = due(request)
    if planned is None:
        began = datetime.fromisoformat(request["authoredOn"])
    else:  # by whoever wrote it, or by a retry
        began = min((one.begun for one in every), default=planned)
    late = began + PATIENCE
    ours = [one for one in every if one.begun >= late]
    if moment < late:
        return Step.NOTHING
    if not ours:
        return Step.AGAIN
    waited = moment >= min(one.begun for one in ours) + PATIENCE
    return Step.TELEPHONE if waited or all(one.state == FAILED for one in ours) else Step.NOTHING


def sending_due(settings: Settings, url: str) -> Callable[[], Awaitable[None]]:
    """The round (`hub/rounds.py`) of what is to be sent by now. Raises SiteUnusable."""
    return Looks(settings, Sending(settings, url)).due


def watching(settings: Settings, url: str) -> Callable[[], Awaitable[None]]:
    """The round of emergencies. Raises SiteUnusable."""
    return Looks(settings, Sending(settings, url)).watch


class Looks:
    """Looks, and has sent what is to be sent."""

    def __init__(self, settings: Settings, sending: Sending, clock: Callable[[], datetime] = now) -> None:
        """sending: of the same event loop. Raises SiteUnusable."""
        self._settings, self._systems = settings, site(settings).site.systems
        self._sending, self._now, self._life = sending, clock, AsyncExitStack()
        self._record: FhirClient | None = None
        self._broken: set[str] = set()
        """Requests, each with its version, that cannot be sent whatever is done: told once."""

    async def due(self) -> None:
        """All requests that wait no longer; of one person what matters most first, and one after the other.

        Raises PartnerUnavailable, FhirRefused.
        """
        await self._each(
            {"occurrence": f"le{instant(self._now())}"},
            lambda one: self._sending.send(_reference(one), one_by_one=True),
        )  # fmt: skip

    async def watch(self) -> None:
        """All requests of an emergency that are not known to be sent. Raises PartnerUnavailable, FhirRefused."""
        moment = self._now()
        await self._each(
            {
                "priority": ",".join(sorted(WATCHED)), "authored": f"lt{instant(moment - PATIENCE)}",
                "_lastUpdated": f"gt{instant(moment - WATCH)}",
            },
            self._watched,
        )  # fmt: skip

    async def _watched(self, request: Json) -> None:
        made = [
            one async for one in (await self._door()).search("Communication", {"based-on": _reference(request)})
        ]  # fmt: skip
        match step(request, sends(made[0], self._systems) if made else (), self._now()):
            case Step.AGAIN:
                await self._sending.send(_reference(request), at_once=True)
            case Step.TELEPHONE:
                await self._sending.give_up(_reference(request), "it was not sent in time")

    async def _each(self, criteria: dict[str, str], work: Callable[[Json], Awaitable[None]]) -> None:
        record, room = await self._door(), asyncio.Semaphore(SIDE_BY_SIDE)
        wanted = {"status": "active", "category": f"{self._systems.codes('aviso')}|", "_count": "200", **criteria}

        async def of_one(requests: Sequence[Json]) -> None:
            async with room:
                for request in requests:
                    await one(request)

        async def one(request: Json) -> None:
            version = f"{request['id']}/{request['meta']['versionId']}"
            if version not in self._broken:
                try:
                    await work(request)
                except PartnerUnavailable:
                    raise
                except FhirRefused as refused:
                    _log.warning("a request is looked at again later: %s", {"why": str(refused)})
                except Exception as error:  # noqa: BLE001 - one request that is broken must not hold up the others
                    self._broken.add(version)
                    _log.error("a request cannot be sent: %s", {"request": version, "trace": places(error)})

        people: dict[str, list[Json]] = {}
        async for found in record.search("CommunicationRequest", wanted):
            people.setdefault(_person(found, self._systems), []).append(found)
        each = [sorted(requests, key=lambda one: rank(notice(one, self._systems))) for requests in people.values()]
        outcomes = await asyncio.gather(*map(of_one, each), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _door(self) -> FhirClient:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.WHATSAPP))
        return self._record


def _person(request: Json, systems: Systems) -> str:
    """What names whom a request goes to, whichever form their number has."""
    _, to = route(request, systems)
    return min(forms(to.phone)) if to.phone else to.user or request["id"]


def _reference(request: Json) -> str:
    return f"CommunicationRequest/{request['id']}"
