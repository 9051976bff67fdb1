"""The server in this process, on a database of its own, and a client that speaks HTTP to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

if TYPE_CHECKING:
    from fhir_server.dispatch import Settings

BASE = "http://fhir.example.org/fhir"

Served = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


async def _elsewhere(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


@asynccontextmanager
async def serving(
    url: str, settings: Settings | None = None, integrity: bool = True, **more: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server on the database at `url`; its base URL is the FHIR base. `more` goes to `App`."""
    # Imported here, so that a module that cannot be imported fails only the tests that need the whole server.
    from fhir_server.app import App
    from fhir_server.dispatch import Server, Settings
    from fhir_server.metrics import Metrics
    from fhir_server.store import ResourceStore

    store = ResourceStore(url, BASE, referential_integrity=integrity)
    server = Server(store, BASE, store.now, settings or Settings())
    app = App(server, _elsewhere, metrics=Metrics(CollectorRegistry()), **more)
    try:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE + "/", timeout=60) as client:
            yield client
    finally:
        store.close()


@pytest.fixture
def served() -> Served:
    """`serving`, for tests that need a server with settings of their own or several of them."""
    return serving


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an empty server of this test alone."""
    async with serving(database) as client:
        yield client


@pytest.fixture
async def shared_client(module_database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server whose database all tests of the module share."""
    async with serving(module_database) as client:
        yield client


@pytest.fixture
def shipped_policies() -> Iterator[None]:
    """The policies as they are shipped are in force."""
    from fhir_server.access import policies

    before = policies.in_force()
    policies.use(policies.SHIPPED)
    yield
    policies.use(before)
