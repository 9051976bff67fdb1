"""What the hub asks of WhatsApp: send a message, fetch a file. One try each: who calls decides about others.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages, .../media.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from mappings.whatsapp.codes import Do, Reaction, reaction
from mappings.whatsapp.outgoing import Content, To, body

T = TypeVar("T")
VERSION = "v24.0"
TIMEOUT = httpx2.Timeout(10, connect=3)
INVALID = 100
"""The channel's code for a call that is wrong: what a refusal without a code is taken for."""
MOST_MEDIA = 100 * 1024 * 1024
"""Bytes of the longest file the channel carries."""

SIGNS: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"WEBP", 8, "image/webp"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"#!AMR", 0, "audio/amr"),
    (b"ftyp", 4, "video/mp4"),
    (b"%PDF-", 0, "application/pdf"),
    (b"PK\x03\x04", 0, "application/zip"),
)
"""How files of a type begin: bytes, where, type."""


class Unclear(PartnerUnavailable):
    """Nobody knows whether the message was sent: a status may tell."""


class Later(PartnerUnavailable):
    """The channel does not send now; `reaction` says after what pauses it may be tried again."""

    def __init__(self, code: int | None, status: int) -> None:
        self.reaction: Reaction = reaction(code, status)
        self.number = code
        super().__init__(f"WhatsApp refuses for now: {code or status}", self.reaction.pauses[0])


class Refused(PartnerRefused):
    """The channel will not send this, now or as it is; `reaction` says what is done about it."""

    def __init__(self, code: int | None, status: int) -> None:
        super().__init__(str(code if code is not None else status), "processing")
        self.reaction: Reaction = reaction(code, status)
        self.number = INVALID if code is None else code


@dataclass(frozen=True, slots=True)
class Door:
    """Where the API is, and what opens it."""

    url: str
    """Without version and trailing slash."""
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file that was fetched, proved to be the one that was told of."""

    content: bytes = field(repr=False)
    content_type: str
    """By its own first bytes; application/octet-stream where they say nothing."""


class WhatsApp:
    """The API, over a client handed in."""

    def __init__(self, http: httpx2.AsyncClient, door: Door) -> None:
        self._http, self._door = http, door

    async def send(self, number: str, to: To, content: Content) -> str:
        """Sends from a business number; the id of the message.

        Raises MappingError, Refused, and PartnerUnavailable, which may be Later or Unclear.
        """
        answer = await self._ask("POST", f"{self._door.url}/{VERSION}/{number}/messages", body(to, content))
        try:
            return str(msgspec.json.decode(answer, type=_Sent).messages[0].id)
        except (msgspec.MsgspecError, IndexError) as error:
            raise Unclear("the channel's answer names no message") from error

    async def upload(self, number: str, content: bytes, kind: str) -> str:
        """Keeps a file with the channel, to be sent by a business number; its id. kind: its type.

        Raises Refused, and PartnerUnavailable: nothing is sent by it.
        """
        form = {"messaging_product": (None, b"whatsapp"), "type": (None, kind.encode())}
        url = f"{self._door.url}/{VERSION}/{number}/media"
        answer = await self._ask("POST", url, files={**form, "file": ("file", content, kind)})
        return _read(answer, _Id).id

    async def number(self, id: str) -> Number:
        """How the channel says that a business number stands. Raises PartnerRefused, PartnerUnavailable."""
        fields = "display_phone_number,status,quality_rating"
        return _read(await self._ask("GET", f"{self._door.url}/{VERSION}/{id}?fields={fields}"), Number)

    async def templates(self, account: str) -> list[Told]:
        """All templates of a business account. Raises PartnerRefused, PartnerUnavailable."""
        found: list[Told] = []
        after = ""
        while True:
            url = f"{self._door.url}/{VERSION}/{account}/message_templates?limit=100{after}"
            page = _read(await self._ask("GET", url), _Templates)
            found += page.data
            if page.paging is None or page.paging.next is None or page.paging.cursors is None:
                return found
            after = f"&after={quote(page.paging.cursors.after)}"

    async def fetch(self, id: str, told: str | None) -> File:
        """A file somebody sent. told: its SHA-256 as the message told it, in base64. Raises Refused, Unclear, Altered.

        Where it is asked from the API first, and only the API's own hosts are asked for it: a message cannot have us
        call whatever it likes.
        """
        answer = await self._ask("GET", f"{self._door.url}/{VERSION}/{id}")
        try:
            found = msgspec.json.decode(answer, type=_Media)
        except msgspec.MsgspecError as error:
            raise Unclear("the channel does not say where the file is") from error
        if not self._trusted(found.url):
            raise Altered("the file is elsewhere than with the channel")
        if found.file_size > MOST_MEDIA:
            raise Altered("the file is longer than the channel carries")
        content = await self._ask("GET", found.url)
        digest = sha256(content).digest()
        if told is not None and not hmac.compare_digest(base64.b64encode(digest).decode(), told):
            raise Altered("the file is not the one the message told of")
        return File(content, content_type(content))

    def _trusted(self, url: str) -> bool:
        there, own = urlsplit(url), urlsplit(self._door.url)
        host = there.hostname or ""
        return there.scheme == own.scheme and (
            (host, there.port) == (own.hostname, own.port) or host.endswith((".fbsbx.com", ".whatsapp.net"))
        )

    async def _ask(self, method: str, url: str, content: Any = None, files: Any = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._door.token}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = await self._http.request(
                method, url, headers=headers, timeout=TIMEOUT,
                content=None if content is None else msgspec.json.encode(content), files=files,
            )  # fmt: skip
        except httpx2.ConnectError as error:
            raise PartnerUnavailable("WhatsApp cannot be reached") from error
        except httpx2.TransportError as error:
            raise Unclear("WhatsApp does not answer") from error
        if answer.status_code < 300:
            return answer.content
        code = _code(answer.content)
        if reaction(code, answer.status_code).do is Do.AGAIN:
            raise Later(code, answer.status_code)
        raise Refused(code, answer.status_code)


class Altered(PartnerRefused):
    """A file is not what it was said to be; it is not kept."""

    def __init__(self, reason: str) -> None:
        super().__init__("media", "security")
        self.reason = reason


def _read(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.MsgspecError as error:
        raise PartnerUnavailable("WhatsApp's answer cannot be read") from error


def content_type(content: bytes) -> str:
    """What a file is by its first bytes, whatever anybody calls it."""
    for sign, at, kind in SIGNS:
        if content[at : at + len(sign)] == sign:
            return kind
    return "application/octet-stream"


def _code(content: bytes) -> int | None:
    try:
        return msgspec.json.decode(content, type=_Failure).error.code
    except msgspec.MsgspecError:
        return None


class Number(msgspec.Struct, frozen=True):
    """A business number, as the channel tells of it."""

    display_phone_number: str
    status: str = ""
    """CONNECTED where it can be sent from."""
    quality_rating: str = ""


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str = ""


class Told(msgspec.Struct, frozen=True):
    """A template, as the channel tells of it."""

    name: str
    language: str
    status: str
    category: str
    components: tuple[_Part, ...] = ()

    @property
    def body(self) -> str:
        """What it says."""
        return next((one.text for one in self.components if one.type == "BODY"), "")


class _Cursors(msgspec.Struct):
    after: str


class _Paging(msgspec.Struct):
    cursors: _Cursors | None = None
    next: str | None = None


class _Templates(msgspec.Struct):
    data: list[Told]
    paging: _Paging | None = None


class _Id(msgspec.Struct):
    id: str


class _Sent(msgspec.Struct):
    messages: list[_Id]


class _Media(msgspec.Struct):
    url: str
    file_size: int = 0


class _Error(msgspec.Struct):
    code: int


class _Failure(msgspec.Struct):
    error: _Error
