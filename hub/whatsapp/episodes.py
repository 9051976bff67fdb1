"""Clinical episodes end 24 h after their conclusion; those of emergencies once a person has said that they are over.

The care services' contract, section 3. What is over by now is found in the record.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from care_services.chat.recorded.encounter import OPEN_FOR, closed, closes, emergency, of
from hub import own_clients
from hub.ledger import now
from hub.settings import Settings
from hub.whatsapp.conversing import stored

Json = Any

SECONDS = 300.0
"""Between two looks."""


class Episodes:
    """Called every few minutes: closes Encounters whose time has come. Raises FhirRefused, PartnerUnavailable."""

    def __init__(self, settings: Settings, url: str) -> None:
        """url: of the database, which it does not need."""
        self._settings, self._life = settings, AsyncExitStack()
        self._record: FhirClient | None = None

    async def __call__(self) -> None:
        if self._record is None:
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.CHAT))
        await close(self._record, now())


async def close(record: FhirClient, moment: datetime) -> None:
    """Those that are over at a moment: none of them was changed since their conclusion."""
    criteria = {"class": "VR", "status": "triaged", "_lastUpdated": f"lt{(moment - OPEN_FOR).isoformat()}"}
    for one in [found async for found in record.search("Encounter", criteria)]:
        if closes(one) > moment or (emergency(one) and not await _ended(record, one)):
            continue
        try:
            await record.update(closed(one, moment), one["meta"]["versionId"])
        except FhirRefused as refused:
            if refused.status not in (404, 409, 410, 412):  # somebody else was faster: the next look sees
                raise


async def _ended(record: FhirClient, encounter: Json) -> bool:
    """Whether the conversation is past the episode of an Encounter, which only a professional brings about."""
    named = of(encounter)
    if named is None:
        return False
    try:
        talk = stored(await record.read(f"Task/{named[0]}"))
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return False
        raise
    return talk.episode > named[1]
