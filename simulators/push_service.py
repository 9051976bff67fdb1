"""A push service with its browsers, simulated: it reads what a browser would show, and refuses on demand.

It knows its browsers' keys, checks the sender's signature (RFC 8292) and opens what was sent by its own reading of RFC
8291. `POST /_simulador/navegadores` {"key": "..."} is a browser that subscribes with a sender's key: its answer is a
PushSubscription. `GET /_simulador` tells what came; `POST /_simulador/problemas` {"status": 503, "times": 2} what goes
wrong next: a status (410: the browser is forgotten), "hang-up" after a message was taken, or "slow".
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI, Request, Response

from simulators.going_wrong import takes_what_goes_wrong
from simulators.hanging_up import HangUp
from simulators.on_socket import on_socket

Json = Any

LONGEST, DAY = 4096, 86_400
"""Bytes of a body, seconds a signature may hold."""
TAKEN = 201
URGENCIES = ("very-low", "low", "normal", "high")


class _Asked(msgspec.Struct):
    key: str


@dataclass
class Browser:
    """One that is subscribed."""

    sender: str
    """The only key whose messages it takes, in base64url."""
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def point(self) -> bytes:
        """Its public key, uncompressed."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True)
class Pushed:
    """What came to a browser."""

    browser: str
    topic: str
    ttl: int
    urgency: str
    text: str


@dataclass
class PushService:
    """Browsers, what came, and what goes wrong next."""

    told: Callable[[Pushed], None] = lambda pushed: None
    """Called with each message that is taken."""
    browsers: dict[str, Browser] = field(default_factory=dict)
    """By the last part of their endpoints."""
    came: dict[tuple[str, str], Pushed] = field(default_factory=dict)
    """By browser and topic: the last of a topic stands."""
    taken: int = 0
    """Messages, those too that took the place of another."""
    refused: list[str] = field(default_factory=list)
    """Why others were not taken."""
    wrong: list[int | str] = field(default_factory=list)
    slow: float = 30.0
    """Seconds of an answer that is."""
    url: str = ""
    """Once it is served."""

    def subscribed(self, key: str) -> Json:
        """A new browser, subscribed with a sender's key: its PushSubscription, as JSON."""
        id, browser = secrets.token_urlsafe(24), Browser(key)
        self.browsers[id] = browser
        keys = {"p256dh": _text(browser.point), "auth": _text(browser.secret)}
        return {"endpoint": f"{self.url}/push/{id}", "expirationTime": None, "keys": keys}

    def push(self, id: str, headers: Mapping[str, str], body: bytes, wrong: int | str) -> tuple[int, str]:
        """Status of the answer to a message, and why it is refused. wrong: what goes wrong. Raises HangUp."""
        if wrong in (404, 410):
            self.browsers.pop(id, None)
        if isinstance(wrong, int) and wrong != TAKEN:
            return wrong, "it was told to"
        browser = self.browsers.get(id)
        if browser is None:
            return 410, "no such browser"
        if (why := signed(headers.get("authorization", ""), browser.sender, self.url, time.time())) is not None:
            return 403, why
        ttl, urgency, topic = headers.get("ttl", ""), headers.get("urgency", "normal"), headers.get("topic", "")
        if not ttl.isdigit() or urgency not in URGENCIES or len(topic) > 32:
            return 400, "TTL, Urgency or Topic"
        if headers.get("content-encoding") != "aes128gcm" or len(body) > LONGEST:
            return (413 if len(body) > LONGEST else 415), "the body"
        try:
            text = opened(body, browser.private, browser.secret).decode()
        except ValueError as error:
            return 400, str(error)  # a real one cannot know: the browser would drop it
        pushed = Pushed(id, topic, int(ttl), urgency, text)
        self.came[id, topic or secrets.token_hex(8)] = pushed
        self.taken += 1
        self.told(pushed)
        if wrong == "hang-up":
            raise HangUp
        return TAKEN, ""


def signed(authorization: str, sender: str, audience: str, now: float) -> str | None:
    """What is wrong with who says they send it; None: it is the one that the browser lets in. RFC 8292"""
    scheme, _, rest = authorization.partition(" ")
    given = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme.lower() != "vapid" or given.keys() < {"t", "k"}:
        return "not signed"
    if given["k"] != sender:
        return "signed with another key than it was subscribed with"
    try:
        head, claims, signature = given["t"].split(".")
        raw = _bytes(signature)
        told = json.loads(_bytes(claims))
        ours = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(sender))
        key.verify(ours, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        if json.loads(_bytes(head)).get("alg") != "ES256" or len(raw) != 64:
            return "not ES256"
    except (ValueError, InvalidSignature):
        return "the signature is wrong"
    if told.get("aud") != audience:
        return "signed for another push service"
    if not now < told.get("exp", 0) <= now + DAY:
        return "signed too long ago, or for too long"
    contact = urlsplit(str(told.get("sub", "")))
    return None if contact.scheme in ("mailto", "https") else "it names no contact"


def opened(body: bytes, private: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """What a browser reads: one record, of RFC 8188, by the keys of RFC 8291. Raises ValueError."""
    if len(body) < 21 + 65 + 17:
        raise ValueError("too short")
    salt, size, length = body[:16], struct.unpack("!L", body[16:20])[0], body[20]
    point, sealed = body[21 : 21 + length], body[21 + length :]
    if len(sealed) > size:
        raise ValueError("more than one record")
    sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    own = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), sender)
    input = HKDF(SHA256(), 32, secret, b"WebPush: info\0" + own + point).derive(shared)
    key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(input)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(input)
    try:
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
    except InvalidTag:
        raise ValueError("encrypted for somebody else") from None
    if plain[-1:] != b"\2":
        raise ValueError("not the last record")
    return plain[:-1]


def app(service: PushService) -> FastAPI:
    """The push service at `/push/[browser]`."""
    api = FastAPI(openapi_url=None)

    @api.post("/push/{id}")
    async def push(request: Request, id: str) -> Response:
        body = await request.body()
        wrong = service.wrong.pop(0) if service.wrong else TAKEN
        if wrong == "slow":
            await asyncio.sleep(service.slow)
        status, why = service.push(id, request.headers, body, wrong)
        if status != TAKEN:
            service.refused.append(why)
        return Response(status_code=status)

    @api.post("/_simulador/navegadores")
    async def browser(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=_Asked)
        except msgspec.MsgspecError:
            return Response(status_code=400)
        return Response(msgspec.json.encode(service.subscribed(asked.key)), 201, media_type="application/json")

    takes_what_goes_wrong(api, service.wrong)

    @api.get("/_simulador")
    async def came() -> Response:
        found = {"came": list(service.came.values()), "refused": service.refused}
        return Response(msgspec.json.encode(found), media_type="application/json")

    return api


@asynccontextmanager
async def serving(service: PushService, port: int | socket.socket = 0) -> AsyncIterator[str]:
    """Its URL, as long as the block. Raises OSError."""
    async with on_socket(app(service), port) as url:
        service.url = url
        yield url


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
