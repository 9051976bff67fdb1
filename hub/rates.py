"""How many requests of the FHIR API one client, and one person, may make in a minute.

Counted in memory that all workers share: a round trip to the database for each request would cost many times what
counting is worth (docs/decisions/rate-limits.md). Header fields:
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from fhir_server.outcome import FhirError
from hub.shared_counts import SharedCounts
from smart_auth.scopes import Access

SECONDS = 60


class TooManyRequests(FhirError):
    """429: this minute's requests are used up."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "throttled"

    def __init__(self, whose: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"too many requests of this {whose} in this minute; Retry-After says when to go on")
        self.headers = headers


@dataclass(frozen=True, slots=True)
class _Limit:
    whose: str
    most: int

    @property
    def policy(self) -> str:
        return f'"{self.whose}";q={self.most};w={SECONDS}'


class Rates:
    """Counts requests, minute by minute."""

    def __init__(
        self, client: int, person: int, counts: SharedCounts, now: Callable[[], float] = time.monotonic
    ) -> None:
        """client, person: most requests in a minute; 0: as many as they like. now: the same clock for all workers."""
        self._counts = counts
        self._client, self._person = _Limit("client", client), _Limit("person", person)
        self._now = now
        self.limited = bool(client or person)
        """Whether anybody is counted."""

    def count(self, access: Access) -> dict[str, str]:
        """Counts one more; the headers that tell how many are left. Raises TooManyRequests.

        A person is counted over all apps, a client only where it acts for itself: members who use one app at the same
        moment are not in each other's way.
        """
        own = access.subject == access.client
        limit, key = (self._client, access.client) if own else (self._person, access.subject)
        if not limit.most:
            return {}
        minute, second = divmod(int(self._now()), SECONDS)
        count = self._counts.add(f"{limit.whose}:{key}", minute)
        left, wait = limit.most - count, SECONDS - second
        headers = {"RateLimit-Policy": limit.policy, "RateLimit": f'"{limit.whose}";r={max(left, 0)};t={wait}'}
        if left < 0:
            raise TooManyRequests(limit.whose, headers | {"Retry-After": str(wait)})
        return headers
