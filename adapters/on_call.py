"""Whoever is on call, by a webhook: a signed JSON object, which is taken with any 2xx.

`X-Hub-Signature-256` is HMAC-SHA256 of "[timestamp].[body]" by a secret both know, `X-Hub-Timestamp` the timestamp,
`Idempotency-Key` what pages about the same thing have in common.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec

from adapters.partner_errors import PartnerUnavailable

SECONDS = 10.0
"""For an answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where pages go, and what they are signed with."""

    url: str
    secret: str = field(repr=False)


class OnCall:
    """Sends pages."""

    def __init__(self, http: httpx2.AsyncClient, place: Place, now: Callable[[], float]) -> None:
        """http: connections, theirs who made it; now: seconds since 1970."""
        self._http, self._place, self._now = http, place, now

    async def page(self, key: str, told: Mapping[str, Any]) -> int:
        """The status it was taken with. Raises PartnerUnavailable: it was not, or nobody knows; send it again."""
        body, at = msgspec.json.encode(told), str(int(self._now()))
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": key, "X-Hub-Timestamp": at,
            "X-Hub-Signature-256": f"sha256={signature(self._place.secret, at, body)}",
        }  # fmt: skip
        try:
            answer = await self._http.post(self._place.url, content=body, headers=headers, timeout=SECONDS)
        except httpx2.TransportError as error:
            raise PartnerUnavailable(f"whoever is on call cannot be reached ({type(error).__name__})") from error
        if not 200 <= answer.status_code < 300:
            raise PartnerUnavailable(f"whoever is on call answers {answer.status_code}")
        return answer.status_code


def signature(secret: str, at: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
