"""WhatsApp's webhook in the hub: `{site}/whatsapp/webhook`, joined to the record, the messages and the scanner.

The care services' contract, section 2. Every text is scanned for red flags before it is kept, so that an emergency
overtakes everything else. It comes to the record as the service it is, through the door as everybody does.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.webhook import Secrets, Webhook
from care_services.chat.alarm import alarming
from care_services.triage.rule_set import rules
from fhir_server.app import Asgi
from hub import own_clients
from hub.desk.away import Away
from hub.ledger import Ledger, now
from hub.settings import Settings
from hub.whatsapp.at_once import AtOnce
from hub.whatsapp.receiver import Receiver
from hub.whatsapp.sending import Sending
from mappings.tasy.site import Site


class WhatsAppWebhook:
    """Takes what WhatsApp tells, between `start` and `stop`; everything else goes on to `other`."""

    def __init__(self, settings: Settings, ledger: Ledger, place: Site, url: str, other: Asgi) -> None:
        """settings: with a WhatsApp. ledger: theirs who made it. url: of the database. Raises SiteUnusable."""
        secret, verify = settings.whatsapp_secret, settings.whatsapp_verify
        if secret is None or verify is None:
            raise ValueError("without secret or verify token there is no webhook")
        self._settings, self._ledger, self._systems, self._other = settings, ledger, place.systems, other
        self._at_once = AtOnce(settings, ledger, place, Sending(settings, url))
        self._away = Away(settings)
        self._path = urlsplit(settings.whatsapp_webhook).path
        self._webhook = Webhook(Secrets(secret, verify), self._keep)
        self._open = AsyncExitStack()
        self._receiver: Receiver | None = None

    async def start(self, here: Asgi) -> None:
        """Opens the record, and reads the rules: the first message should not wait for them. Raises BadRules.

        here: the application that has the record; it need not listen yet.
        """
        read = await asyncio.to_thread(rules)
        record = await self._open.enter_async_context(
            own_clients.door(self._settings, own_clients.WHATSAPP, here=here)
        )  # fmt: skip
        await self._at_once.start(here)
        await self._away.start()
        numbers = [id for _, id in self._settings.whatsapp_numbers]
        self._receiver = Receiver(
            record, self._ledger, self._systems, numbers, lambda text: alarming(text, read), now,
            self._at_once, self._away,
        )  # fmt: skip

    async def stop(self) -> None:
        """Closes the record; the messages are closed by whoever made them."""
        self._receiver = None
        await self._at_once.stop()
        await self._away.stop()
        await self._open.aclose()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        here = scope["type"] == "http" and scope["path"] == self._path
        await (self._webhook if here else self._other)(scope, receive, send)

    async def _keep(self, body: bytes) -> None:
        if self._receiver is None:
            raise PartnerUnavailable("the hub is on its way up or down")
        await self._receiver.keep(body)
