"""Tells the hub what people wrote and how far messages came: in batches, signed, again until it answers 200."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Any

import httpx2
import msgspec

from simulators.whatsapp.installation import ACCOUNT, Account

Json = dict[str, Any]

AGAIN = (0.2, 0.5, 1, 2, 5, 10)
"""Seconds before each next try; the last one from then on."""


def signed(body: bytes, secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook(changes: list[Json]) -> bytes:
    """The body of a webhook that tells of changes."""
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "time": int(time.time()), "changes": changes}],
    }
    return msgspec.json.encode(document)


class Webhooks:
    """A queue of changes on their way to one URL."""

    def __init__(self, account: Account, http: httpx2.AsyncClient, url: str, *, batch: int = 10) -> None:
        """batch: changes told at once, at most."""
        self._account, self._http, self._url, self._batch = account, http, url, batch
        self._queue: asyncio.Queue[Json] = asyncio.Queue()
        self.answers: list[int] = []
        """Status of each answer so far, 0 for none."""

    def tell(self, change: Json) -> None:
        """Puts a change on its way."""
        self._queue.put_nowait(change)

    async def run(self) -> None:
        """Tells until cancelled; a batch after the other, so that order holds unless trouble is asked for."""
        while True:
            changes = [await self._queue.get()]
            while len(changes) < self._batch and not self._queue.empty():
                changes.append(self._queue.get_nowait())
            await self.deliver(webhook(changes))
            for _ in changes:
                self._queue.task_done()

    async def settled(self) -> None:
        """Returns when everything so far has been told."""
        await self._queue.join()

    async def deliver(self, body: bytes) -> None:
        """Tells one body until it is taken."""
        if self._account.trouble("unsigned"):
            await self._post(body, None)
        if self._account.trouble("forged"):
            await self._post(body, signed(body, "another secret"))
        number = 0
        while await self._post(body, signed(body, self._account.secret)) != 200:
            await asyncio.sleep(AGAIN[min(number, len(AGAIN) - 1)])
            number += 1
        if self._account.trouble("duplicate"):
            await self._post(body, signed(body, self._account.secret))

    async def _post(self, body: bytes, signature: str | None) -> int:
        headers = {"Content-Type": "application/json", **({"X-Hub-Signature-256": signature} if signature else {})}
        try:
            status = (await self._http.post(self._url, content=body, headers=headers)).status_code
        except httpx2.TransportError:
            status = 0
        self.answers.append(status)
        return status
