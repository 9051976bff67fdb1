"""Conversations in which nobody answers: a reminder, a nurse, an end, found in the record every few seconds.

The care services' contract, section 3. A silence counts from what the member wrote last; one that a person owns ends
half an hour after the person's own end of it, and the member's last word.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from care_services.chat.conversation import HUMAN
from care_services.chat.recorded.conversation import STATES
from care_services.chat.silence import STEPS, Then, due
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.conversing import Conversing, drawing, seconds, stored
from mappings.identifiers import Systems

Json = Any

SECONDS = 20.0
"""Between two looks."""
SIDE_BY_SIDE = 8
PAGE = 100
_OVER = frozenset({"completed", "cancelled", "rejected", "failed", "entered-in-error"})

_log = logging.getLogger("hub.whatsapp")


class Silences:
    """Called every few seconds. Raises FhirRefused, PartnerUnavailable."""

    def __init__(self, settings: Settings, url: str) -> None:
        """url: of the database. Raises SiteUnusable."""
        self._settings, self._place = settings, site(settings).site
        self._ledger, self._life = Ledger(url, bodies(settings), 1), AsyncExitStack()
        self._open: tuple[FhirClient, Conversing] | None = None

    async def __call__(self) -> None:
        if self._open is None:
            record = await self._life.enter_async_context(
                own_clients.door(self._settings, own_clients.CHAT, SIDE_BY_SIDE)
            )  # fmt: skip
            talks = Conversing(record, self._place.systems, drawing(self._ledger, self._place))
            self._open = record, talks
        record, talks = self._open
        await look(record, talks, self._place.systems, now())


async def look(record: FhirClient, talks: Conversing, systems: Systems, moment: datetime) -> None:
    """Does what is due at a moment."""
    for state, steps in STEPS.items():
        asked = {
            "business-status": f"{systems.codes(STATES)}|{state}",
            "modified": f"lt{(moment - steps[0].after).isoformat()}", "_count": str(PAGE),
        }  # fmt: skip
        found = [one async for one in record.search("Task", asked)]
        quiet = await _ended(record, found) if state == HUMAN else {}
        for place in range(0, len(found), SIDE_BY_SIDE):
            pairs = [(one, _then(one, moment, quiet)) for one in found[place : place + SIDE_BY_SIDE]]
            await asyncio.gather(*(_silent(talks, task, then) for task, then in pairs if then is not None))


def _then(task: Json, moment: datetime, ended: dict[str, float]) -> Then | None:
    """What is due in a conversation. ended: when people were done with those that they own."""
    before = stored(task)
    since = float(before.heard)
    if before.state == HUMAN:
        if task["id"] not in ended:
            return None
        since = max(since, ended[task["id"]])
    step = due(before.state, timedelta(seconds=moment.timestamp() - since), before.silences)
    return None if step is None else step.then


async def _ended(record: FhirClient, found: Sequence[Json]) -> dict[str, float]:
    """Ids of conversations with which people are done -> since when, in seconds since 1970."""
    over: dict[str, float] = {}
    for place in range(0, len(found), PAGE):
        ids = [one["id"] for one in found[place : place + PAGE]]
        asked = {"part-of": ",".join(f"Task/{id}" for id in ids), "_count": "1000"}
        peoples = [one async for one in record.search("Task", asked)]
        for id in ids:
            at = _since([one for one in peoples if _part_of(one, id)])
            if at is not None:
                over[id] = at
    return over


def _since(tasks: Sequence[Json]) -> float | None:
    """When the last of these Tasks was ended; None where one is not, or there is none."""
    ended = bool(tasks) and all(one["status"] in _OVER for one in tasks)
    return max(seconds(one["meta"]["lastUpdated"]) for one in tasks) if ended else None


def _part_of(task: Json, id: str) -> bool:
    return any(one.get("reference", "").split("/")[-1] == id for one in task.get("partOf", ()))


async def _silent(talks: Conversing, task: Json, then: Then) -> None:
    try:
        await talks.silence(task, then)
    except FhirRefused as refused:
        _log.error("a silence is not worked on: %s", {"status": refused.status, "trace": places(refused)})
