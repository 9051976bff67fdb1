"""The bytes of a request: query and body, held to their limits while they come in. https://www.rfc-editor.org/rfc/rfc9110"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote_plus

from fhir_server.outcome import FhirError, Invalid, TooLarge, UnsupportedMediaType

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_PARAMETERS = 100


class UriTooLong(FhirError):
    """414: POST _search takes longer queries."""

    status, code = 414, "too-long"


class Disconnected(Exception):
    """The client left before its body was complete; nobody is there to answer."""


def query_pairs(query: str, limit: int) -> list[tuple[str, str]]:
    """Decoded parameters in order, at most `MAX_PARAMETERS`, of at most `limit` characters.

    Raises UriTooLong, Invalid (bad UTF-8, too many).
    """
    if not query:
        return []
    if len(query) > limit:
        raise UriTooLong(f"the query is longer than {limit} characters; send it by POST to _search")
    return pairs(query)


def pairs(text: str) -> list[tuple[str, str]]:
    """Decoded name-value pairs of a query or form. Raises Invalid."""
    found = []
    try:
        for part in text.split("&"):
            if part:
                name, _, value = part.partition("=")
                if "%" in part or "+" in part:
                    name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
                found.append((name, value))
    except UnicodeDecodeError:
        raise Invalid("a parameter is not percent-encoded UTF-8", code="value") from None
    if len(found) > MAX_PARAMETERS:
        raise Invalid(f"more than {MAX_PARAMETERS} parameters", code="too-long")
    return found


async def body_of(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body, unpacked if it came as gzip; at most `limit` bytes before and after.

    Raises TooLarge as soon as that is known, UnsupportedMediaType for another encoding, Invalid for broken gzip.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise UnsupportedMediaType("Content-Encoding: only gzip is unpacked here")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    raw: bytes = message.get("body", b"")
    if message.get("more_body", False):
        raw = await _rest(receive, raw, limit)
    if len(raw) > limit:
        raise _too_large(limit)
    return gunzip(raw, limit) if "gzip" in encoding else raw


async def _rest(receive: Receive, first: bytes, limit: int) -> bytes:
    chunks, size = [first], len(first)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return b"".join(chunks)


def gunzip(packed: bytes, limit: int) -> bytes:
    """The unpacked bytes, never more than `limit` of them in memory. Raises TooLarge, Invalid."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        raw = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise Invalid("the body is not gzip", code="structure") from None
    if len(raw) > limit:
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("the gzip body is not complete, or something follows it", code="structure")
    return raw


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes")
