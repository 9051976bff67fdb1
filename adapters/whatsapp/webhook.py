"""Where WhatsApp tells what people wrote: verified, handed over, and answered once it is kept.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint. Nothing is
parsed before the signature over the raw bytes was found right; nothing is answered with 200 before it is durable, so
that whatever is not kept is told again.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from adapters.partner_errors import PartnerUnavailable

Keep = Callable[[bytes], Awaitable[None]]
"""Makes everything in a signed body durable; raises PartnerUnavailable where that cannot be had now."""
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST = 3 * 1024 * 1024
"""Bytes of a body that are read."""
SIGNATURE = b"x-hub-signature-256"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Meta and we have agreed."""

    app: str = field(repr=False)
    """Signs every body."""
    verify: str = field(repr=False)
    """Said once, when the webhook is set up."""


def refusal(body: bytes, signature: str | None, secret: str) -> int:
    """Whether a body is Meta's: 0, else the status that refuses it: 401 without signature, 403 for a wrong one."""
    if not signature:
        return 401
    expected = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    return 0 if hmac.compare_digest(expected.encode(), signature.encode()) else 403


def challenge(query: str, token: str) -> str | None:
    """The answer to Meta's question whether the webhook is ours; None: the question is not Meta's."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    right = hmac.compare_digest(asked.get("hub.verify_token", "").encode(), token.encode())
    return asked.get("hub.challenge", "") if right and asked.get("hub.mode") == "subscribe" else None


class Webhook:
    """The ASGI application of the webhook."""

    def __init__(self, secrets: Secrets, keep: Keep) -> None:
        self._secrets, self._keep = secrets, keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            said = challenge(scope["query_string"].decode("latin-1"), self._secrets.verify)
            return await _answer(send, 403 if said is None else 200, (said or "").encode())
        if scope["method"] != "POST":
            return await _answer(send, 405, headers=[(b"allow", b"GET, POST")])
        body = await _body(scope, receive)
        if body is None:
            return await _answer(send, 413)
        signature = next((value.decode("latin-1") for name, value in scope["headers"] if name == SIGNATURE), None)
        refused = refusal(body, signature, self._secrets.app)
        if refused:
            return await _answer(send, refused)
        try:
            await self._keep(body)
        except PartnerUnavailable:
            return await _answer(send, 503, headers=[(b"retry-after", b"5")])
        return await _answer(send, 200)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None: it is too long, by its header or by what has come so far."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if length.isdigit() and int(length) > MOST:
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> None:
    given = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*given, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
