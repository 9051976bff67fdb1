"""A notice to all browsers in which a member is told: those that stand in their record. RFC 8030

Taken by one of them is told. One that its push service does not know any more is ended in the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.web_push import Browser, Gone, Message, Post, WebPush
from fhir_server.privacy.browsers import GONE, ON, SYSTEM, browser_of, ended
from fhir_server.subscriptions.courier import Undelivered
from hub.outbound import Allowed, Barred, Door
from hub.settings import Settings
from hub.whatsapp.requested import expires, notice
from hub.whatsapp.trying import RACED
from mappings.identifiers import Systems

Json = Any

SECONDS = 10.0
"""For an answer."""
MOST = 10
"""Browsers of a member: the newest."""
URGENCY: Mapping[str, str] = {
    "answer": "high", "safety": "high", "authorization": "normal", "appointment": "normal", "reminder": "low",
    "wellness": "very-low", "healthpoints": "very-low",
}  # fmt: skip
"""Category -> whether a telephone that saves its battery is woken for it. https://www.rfc-editor.org/rfc/rfc8030#section-5.3"""


class Browsers:
    """Sends to them."""

    def __init__(
        self, record: FhirClient, push: WebPush, title: str, text: str, systems: Systems, clock: Callable[[], datetime]
    ) -> None:
        """title, text: what is said, whatever the matter is."""
        self._record, self._push, self._systems, self._now = record, push, systems, clock
        self._title, self._text = title, text

    async def send(self, request: Json, patient: str) -> None:
        """Raises PartnerUnavailable: none has taken it, and one may later; PartnerRefused: none will; FhirRefused."""
        message = Message(
            # The browser shows a second try in the place of the first.
            msgspec.json.encode({"title": self._title, "text": self._text, "tag": request["id"]}), request["id"],
            int((expires(request, self._systems) - self._now()).total_seconds()),
            URGENCY[notice(request, self._systems).category],
        )  # fmt: skip
        every = await turned_on(self._record, patient)
        failed = [why for why in await asyncio.gather(*(self._one(each, message) for each in every)) if why]
        if len(failed) == len(every):
            away = next((why for why in failed if isinstance(why, PartnerUnavailable)), None)
            raise away or PartnerRefused("no browser that takes it", "processing")

    async def _one(self, browser: Json, message: Message) -> PartnerUnavailable | PartnerRefused | None:
        """Why one of them has not taken it; None: it has."""
        known = browser_of(browser)
        assert known is not None  # it was searched for by its state
        try:
            await self._push.send(Browser(known.endpoint, known.key, known.secret), message)
        except Gone as gone:
            await self._ended(browser)
            return gone
        except (PartnerUnavailable, PartnerRefused) as why:
            return why
        return None

    async def _ended(self, browser: Json) -> None:
        made = ended(browser, GONE, int(self._now().timestamp() * 1_000_000))
        try:
            await self._record.update(made, browser["meta"]["versionId"])
        except FhirRefused as refused:
            if refused.status not in RACED:  # else its owner has turned it on anew, or off
                raise


async def turned_on(record: FhirClient, patient: str) -> list[Json]:
    """Those in which a Patient is told, the newest first. patient: its id. Raises PartnerUnavailable, FhirRefused."""
    wanted = {"subject": f"Patient/{patient}", "code": f"{SYSTEM}|{ON}", "_sort": "-_lastUpdated", "_count": str(MOST)}
    found = []
    async for one in record.search("Basic", wanted):
        if browser_of(one) is not None:
            found.append(one)
        if len(found) == MOST:
            break
    return found


def posting(settings: Settings) -> Post:
    """By the way out of the hub: who names an endpoint chooses where requests go, so none goes to private networks.

    In production none goes to this machine either, or unencrypted, whatever Subscriptions may.
    """
    real = settings.env == "production"
    allowed = Allowed(private=False) if real else Allowed(
        frozenset(settings.outbound_schemes), settings.outbound_loopback, private=False
    )  # fmt: skip
    door = Door(allowed)

    async def post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        try:
            await door.send("POST", url, headers, body, SECONDS)
        except Barred:
            raise PartnerRefused("no way there", "processing") from None
        except Undelivered as why:
            if why.status is None:
                raise PartnerUnavailable(f"a push service: {why}") from None
            return why.status
        return 201

    return post
