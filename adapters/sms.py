"""Short messages by a gateway's HTTP interface: a JSON object for each, taken with any 2xx.

`Idempotency-Key` is the same at every try of a message, so that one whose outcome nobody knows can be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx2
import msgspec

from adapters.partner_errors import PartnerRefused, PartnerUnavailable

SECONDS = 10.0
"""For an answer."""
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where short messages go, and by which token."""

    url: str
    token: str = field(repr=False)


class Sms:
    """Sends short messages."""

    def __init__(self, http: httpx2.AsyncClient, gateway: Gateway) -> None:
        """http: connections, theirs who made it."""
        self._http, self._gateway = http, gateway

    async def send(self, reference: str, to: str, text: str) -> None:
        """To a number, digits. reference: of the message, at every try.

        Raises PartnerUnavailable: it was not taken, or nobody knows; PartnerRefused: it will not be.
        """
        headers = {
            "Authorization": f"Bearer {self._gateway.token}", "Content-Type": "application/json",
            "Idempotency-Key": reference,
        }  # fmt: skip
        body = msgspec.json.encode({"to": f"+{to}", "text": text})
        try:
            answer = await self._http.post(self._gateway.url, content=body, headers=headers, timeout=SECONDS)
        except httpx2.TransportError as error:
            raise PartnerUnavailable(f"the SMS gateway cannot be reached ({type(error).__name__})") from error
        status = answer.status_code
        if status in _LATER or status >= 500 or status in (401, 403):  # a token that is renewed helps those that wait
            raise PartnerUnavailable(f"the SMS gateway answers {status}")
        if not 200 <= status < 300:
            raise PartnerRefused(str(status), "processing")
