"""Pages whoever is on call: each page is kept in the record with its outcome, and sent until it is taken.

The care services' contract, section 10. What is paged about stands in the record (`care_services/desk/page.py`) before
anything is sent, so that nothing is forgotten; the same page may come twice, and its key tells.
"""

from __future__ import annotations

import logging
import time
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from adapters.connections import http_client
from adapters.fhir_client import FhirClient, FhirRefused
from adapters.on_call import OnCall, Place
from adapters.partner_errors import PartnerUnavailable
from care_services.desk import page
from care_services.desk.page import Page
from hub.ledger import now
from hub.settings import Settings
from hub.tls import trusted
from mappings import r4
from mappings.identifiers import Systems

Json = Any

PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the next try; the last one again and again."""
UNSET = "HUB_ONCALL_URL is not set"
_log = logging.getLogger("hub.oncall")


async def call(record: FhirClient, what: Page, systems: Systems, at: datetime) -> None:
    """Has somebody paged, once for the key and number of a page. Raises PartnerUnavailable, FhirRefused."""
    await record.create(page.request(what, systems, at), page.criteria(what, systems))


class Paging:
    """Sends the pages that the record has and nobody has taken yet."""

    def __init__(self, settings: Settings, systems: Systems) -> None:
        self._settings, self._systems = settings, systems
        self._life = AsyncExitStack()
        self._calls: OnCall | None = None
        self._waits: dict[str, tuple[int, float]] = {}
        """Id of a page that was not taken -> tries so far, and when the next one is due."""

    async def send(self, record: FhirClient) -> None:
        """All that are due. Raises PartnerUnavailable: the record is away; FhirRefused."""
        wanted = {"category": f"{self._systems.codes('chamada')}|", "status": "active", "_count": "200"}
        found = [one async for one in record.search("CommunicationRequest", wanted)]
        self._waits = {one["id"]: self._waits[one["id"]] for one in found if one["id"] in self._waits}
        for one in found:
            if time.monotonic() >= self._waits.get(one["id"], (0, 0.0))[1]:
                await self._send(record, one)

    async def _send(self, record: FhirClient, asked: Json) -> None:
        calls = await self._open()
        if calls is None:
            _log.error("nobody is paged: %s", {"page": asked["id"], "why": UNSET})
            return await _written(record, self._over(asked, "revoked", "not-done", UNSET))
        told = page.told(asked, self._systems, f"{self._settings.apps}/desk/go")
        tries = self._waits.get(asked["id"], (0, 0.0))[0] + 1
        try:
            status = await calls.page(told["key"], told)
        except PartnerUnavailable as away:
            pause = PAUSES[min(tries, len(PAUSES)) - 1]
            self._waits[asked["id"]] = tries, time.monotonic() + pause
            _log.error("a page is not taken: %s", {"page": asked["id"], "tries": tries, "why": away.reason})
            if tries == 1:
                await _written(record, [self._outcome(asked, "in-progress", away.reason)])
            return None
        self._waits.pop(asked["id"], None)
        return await _written(record, self._over(asked, "completed", "completed", f"taken with {status}, try {tries}"))

    async def _open(self) -> OnCall | None:
        url, secret = self._settings.oncall_url, self._settings.oncall_secret
        if self._calls is None and url is not None and secret is not None:  # for as long as the process is there
            http = http_client(trusted(self._settings))
            self._calls = OnCall(await self._life.enter_async_context(http), Place(url, secret), time.time)
        return self._calls

    def _over(self, asked: Json, status: str, outcome: str, reason: str) -> list[Json]:
        version = asked["meta"]["versionId"]
        put = {"method": "PUT", "url": f"CommunicationRequest/{asked['id']}", "ifMatch": f'W/"{version}"'}
        return [{"resource": {**asked, "status": status}, "request": put}, self._outcome(asked, outcome, reason)]

    def _outcome(self, asked: Json, status: str, reason: str) -> Json:
        """What became of it: the one Communication of a page, as it stands now."""
        system = self._systems.sid("chamada-feita")
        made = {
            "resourceType": "Communication", "identifier": [{"system": system, "value": asked["id"]}],
            "basedOn": [{"reference": f"CommunicationRequest/{asked['id']}"}], "status": status,
            "category": asked["category"], "priority": asked["priority"],
            **({"about": asked["about"]} if "about" in asked else {}),
            "sent": page.instant(now()), "recipient": asked["recipient"], "statusReason": {"text": reason},
        }  # fmt: skip
        where = f"Communication?identifier={system}|{asked['id']}"
        return {"resource": made, "request": {"method": "PUT", "url": where}}


async def _written(record: FhirClient, entries: list[Json]) -> None:
    try:
        await record.transaction(
            r4.serialize({"resourceType": "Bundle", "type": "transaction", "entry": entries}), minimal=True
        )
    except FhirRefused as refused:
        if refused.status not in (409, 412):  # somebody else has said what became of it
            raise
