"""Notices to browsers by their push services: RFC 8030, encrypted for the browser (RFC 8291), signed for it (RFC 8292).

A message has the same topic at every try: a push service keeps the last of a topic, and the browser shows it in the
place of the one before.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.partner_errors import PartnerRefused, PartnerUnavailable

LONGEST = 3993
"""Bytes of a message: what every push service takes. https://www.rfc-editor.org/rfc/rfc8291#section-4"""
LIFE = 12 * 3600
"""Seconds for which a token holds; a day is the most."""
_LATER = frozenset({401, 403, 408, 425, 429})
"""A key or a contact that is mended helps those that wait."""
_GONE = frozenset({404, 410})

Post = Callable[[str, Sequence[tuple[str, str]], bytes], Awaitable[int]]
"""(url, headers, body) -> status of the answer. Raises PartnerUnavailable, PartnerRefused: nothing is sent there."""


class Gone(PartnerRefused):
    """The push service does not know the browser any more."""


@dataclass(frozen=True, slots=True)
class Browser:
    """Where it is told, and what a message is encrypted with."""

    endpoint: str = field(repr=False)
    key: str = field(repr=False)
    """Its public key on P-256, uncompressed, in base64url: `p256dh`."""
    secret: str = field(repr=False)
    """16 bytes in base64url: `auth`."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, and how."""

    content: bytes
    reference: str
    """Of the message, at every try."""
    seconds: int
    """For so long a push service keeps it for a browser that is away."""
    urgency: str = "normal"
    """very-low, low, normal or high: for which a telephone that saves its battery is woken."""


class WebPush:
    """Sends to browsers."""

    def __init__(self, post: Post, key: ECKey, contact: str, now: Callable[[], float] = time.time) -> None:
        """key: private, on P-256, the same for ever: browsers let in whoever has it. contact: mailto: or https:, whom
        a push service turns to."""
        self._post, self._key, self._contact, self._now = post, key, contact, now
        self._public = public_key(key)

    async def send(self, browser: Browser, message: Message) -> None:
        """Raises PartnerUnavailable: it was not taken, or nobody knows; PartnerRefused: it will not be; Gone."""
        headers = [
            ("Authorization", f"vapid t={self._token(browser.endpoint)}, k={self._public}"),
            ("Content-Encoding", "aes128gcm"), ("Content-Type", "application/octet-stream"),
            ("TTL", str(max(message.seconds, 0))), ("Urgency", message.urgency), ("Topic", topic(message.reference)),
        ]  # fmt: skip
        status = await self._post(browser.endpoint, headers, encrypted(message.content, browser))
        if status in _GONE:
            raise Gone(str(status), "not-found")
        if status in _LATER or status >= 500:
            raise PartnerUnavailable(f"the push service answers {status}")
        if not 200 <= status < 300:
            raise PartnerRefused(str(status), "processing")

    def _token(self, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(self._now()) + LIFE, "sub": self._contact}
        return jwt.encode({"alg": "ES256", "typ": "JWT"}, claims, self._key, algorithms=["ES256"])


def encrypted(
    content: bytes, browser: Browser, own: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:  # fmt: skip
    """The body that only the browser can read, with a key and a salt of its own. Raises PartnerRefused.

    own, salt: those of an example.
    """
    if not 0 < len(content) <= LONGEST:  # of nothing http_ece makes no record, which no browser opens
        raise ValueError(f"a message has 1 to {LONGEST} bytes")
    try:
        found: bytes = http_ece.encrypt(
            content, salt=salt, private_key=own or ec.generate_private_key(ec.SECP256R1()), dh=_raw(browser.key),
            auth_secret=_raw(browser.secret), version="aes128gcm",
        )  # fmt: skip
    except ValueError:  # a key that is no point of the curve
        raise PartnerRefused("no key", "processing") from None
    return found


def public_key(key: ECKey) -> str:
    """What browsers are subscribed with: an uncompressed point in base64url."""
    point: bytes = key.get_op_key("verify").public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")


def topic(reference: str) -> str:
    """32 characters at most, of which nobody reads the reference."""
    return urlsafe_b64encode(sha256(reference.encode()).digest()[:24]).decode()


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
