"""Pages beside the API, as ASGI."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from hub.pages import pages

BASE = "http://127.0.0.1:8080/fhir"


async def alive() -> None:
    pass


async def dead() -> None:
    raise ConnectionError("password=secret")


async def ask(
    path: str, *, method: str = "GET", ping: Callable[[], Awaitable[object]] = alive
) -> tuple[int, dict[bytes, bytes], bytes]:
    registry = CollectorRegistry()
    Counter("things", "Things", registry=registry).inc()
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await pages(BASE, {"Database": "a <b>"}, registry, ping)(
        {"type": "http", "path": path, "method": method}, receive, send
    )
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(
    ("path", "status", "kind", "part"),
    [
        ("/", 200, b"text/html", b"curl -X POST http://127.0.0.1:8080/fhir/Patient"),
        ("/", 200, b"text/html", b"a &lt;b&gt;"),
        ("/health/live", 200, b"application/json", b"up"),
        ("/health/ready", 200, b"application/json", b"up"),
        ("/metrics", 200, b"text/plain", b"things_total 1.0"),
        ("/nothing", 404, b"text/plain", b"/fhir"),
    ],
)
async def test_page(path: str, status: int, kind: bytes, part: bytes) -> None:
    found, headers, body = await ask(path)
    assert found == status
    assert headers[b"content-type"].startswith(kind)
    assert part in body
    assert headers[b"content-length"] == b"%d" % len(body)


async def test_not_ready_without_a_database_and_says_no_secret() -> None:
    status, _, body = await ask("/health/ready", ping=dead)
    assert status == 503
    assert json.loads(body) == {"status": "down", "database": "ConnectionError"}
    assert (await ask("/health/live", ping=dead))[0] == 200


async def test_methods() -> None:
    status, headers, body = await ask("/", method="HEAD")
    assert status == 200
    assert body == b""
    assert int(headers[b"content-length"]) > 0
    status, headers, _ = await ask("/", method="POST")
    assert status == 405
    assert headers[b"allow"] == b"GET, HEAD"
