"""Whatever way a connection is lost in, it is a TransportError: who waits for it tries again."""

from __future__ import annotations

import httpx2
import pytest

from adapters.connections import http_client

GONE = "'NoneType' object has no attribute 'getpeername'"
"""As anyio ends where the socket is gone before the connection was looked at: seen under load, rarely."""


@pytest.mark.parametrize(("said", "raised"), [(GONE, httpx2.ConnectError), ("no attribute 'x'", AttributeError)])
async def test_a_socket_that_is_gone_before_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, said: str, raised: type[Exception]
) -> None:
    async def lost(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        raise AttributeError(said)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", lost)
    async with http_client() as http:
        with pytest.raises(raised):
            await http.get("http://127.0.0.1/")


async def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with http_client(timeout=2) as http:
        assert http.follow_redirects is False
        with pytest.raises(httpx2.ConnectError):
            await http.get("http://127.0.0.1:9/")  # discard: nobody there, and no proxy was asked
