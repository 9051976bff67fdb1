"""A red flag while the record is away: nothing can be kept, so whoever is on call is paged by the process itself.

The care services' contract, section 10. The channel tells the message again, and then it has its turn like any other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from adapters.connections import http_client
from adapters.on_call import OnCall, Place
from adapters.partner_errors import PartnerUnavailable
from care_services.desk import page, tasks
from hub.desk.paging import PAUSES, UNSET
from hub.ledger import now
from hub.settings import Settings
from hub.tls import trusted

AGAIN_SECONDS = 60.0
"""Between two pages: one tells that the record is away, and not how many write."""
TRIES = 10
_log = logging.getLogger("hub.oncall")


class Away:
    """Between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._open = settings, AsyncExitStack()
        self._calls: OnCall | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._next = 0.0

    async def start(self) -> None:
        """Opens the way out."""
        url, secret = self._settings.oncall_url, self._settings.oncall_secret
        if url is not None and secret is not None:
            http = http_client(trusted(self._settings))
            self._calls = OnCall(await self._open.enter_async_context(http), Place(url, secret), time.time)

    async def stop(self) -> None:
        """Ends what is under way."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)
        await self._open.aclose()

    def __call__(self) -> None:
        """A red flag came and cannot be kept. Returns at once."""
        if self._calls is None:
            _log.error("nobody is paged: %s", {"why": UNSET})
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + AGAIN_SECONDS
            self._under_way = asyncio.create_task(self._page(self._calls))

    async def _page(self, calls: OnCall) -> None:
        at = page.instant(now())
        told = {
            "key": f"record-away/{at[:13]}", "page": 0, "reason": "record-away", "task": None, "desk": tasks.LINE,
            "priority": "stat", "promise": None, "at": at, "link": None,
        }  # fmt: skip
        for tries in range(TRIES):
            try:
                await calls.page(str(told["key"]), told)
                return
            except PartnerUnavailable as away:
                _log.error("a page is not taken: %s", {"why": away.reason})
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
