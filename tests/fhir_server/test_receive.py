"""Queries and bodies: decoding and limits."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import FhirError, Invalid, TooLarge, UnsupportedMediaType
from fhir_server.receive import Disconnected, UriTooLong, body_of, gunzip, pairs, query_pairs

LIMIT = 1000


def chunks(*parts: bytes) -> tuple[Callable[[], Awaitable[MutableMapping[str, Any]]], list[bytes]]:
    left = list(parts)

    async def receive() -> MutableMapping[str, Any]:
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive, left


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=8))
def test_pairs_are_what_urlencode_wrote(given_pairs: list[tuple[str, str]]) -> None:
    text = urlencode(given_pairs, errors="surrogatepass")
    try:
        assert pairs(text) == parse_qsl(text, keep_blank_values=True, errors="strict")
    except (Invalid, UnicodeDecodeError):
        assert any(ord(c) in range(0xD800, 0xE000) for pair in given_pairs for part in pair for c in part)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("a=b", [("a", "b")]),
        ("a=b&a=c&d", [("a", "b"), ("a", "c"), ("d", "")]),
        ("a=b%7Cc+d&&", [("a", "b|c d")]),
        ("a=b=c", [("a", "b=c")]),
    ],
)
def test_queries(query: str, expected: list[tuple[str, str]]) -> None:
    assert query_pairs(query, LIMIT) == expected


@pytest.mark.parametrize(
    ("query", "error"), [("a=%FF", Invalid), ("&".join(["a=b"] * 101), Invalid), ("a=" + "b" * LIMIT, UriTooLong)]
)
def test_queries_refused(query: str, error: type[FhirError]) -> None:
    with pytest.raises(error):
        query_pairs(query, LIMIT)


async def test_a_body_in_chunks() -> None:
    receive, _ = chunks(b"ab", b"", b"c")
    assert await body_of(receive, {}, LIMIT) == b"abc"


async def test_a_packed_body() -> None:
    receive, _ = chunks(gzip.compress(b"abc", mtime=0))
    assert await body_of(receive, {"content-encoding": "gzip"}, LIMIT) == b"abc"


async def test_too_large_is_known_from_the_length_alone() -> None:
    receive, left = chunks(b"a")
    with pytest.raises(TooLarge):
        await body_of(receive, {"content-length": str(LIMIT + 1)}, LIMIT)
    assert left, "nothing was received"


async def test_too_large_stops_receiving() -> None:
    receive, left = chunks(b"a" * LIMIT, b"b", b"c")
    with pytest.raises(TooLarge):
        await body_of(receive, {}, LIMIT)
    assert left == [b"c"]


async def test_a_single_chunk_beyond_the_limit() -> None:
    receive, _ = chunks(b"a" * (LIMIT + 1))
    with pytest.raises(TooLarge):
        await body_of(receive, {}, LIMIT)


def test_a_bomb_is_refused() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    with pytest.raises(TooLarge):
        gunzip(bomb, LIMIT)


@pytest.mark.parametrize(
    "packed", [b"", b"abc", gzip.compress(b"abc", mtime=0)[:-3], gzip.compress(b"abc", mtime=0) + b"more"]
)
def test_broken_gzip(packed: bytes) -> None:
    with pytest.raises(Invalid):
        gunzip(packed, LIMIT)


async def test_another_encoding_is_refused() -> None:
    receive, _ = chunks(b"")
    with pytest.raises(UnsupportedMediaType):
        await body_of(receive, {"content-encoding": "br"}, LIMIT)


async def test_a_client_that_leaves() -> None:
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    with pytest.raises(Disconnected):
        await body_of(receive, {}, LIMIT)
