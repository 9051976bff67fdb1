"""The authorization server of this installation: its parts, joined for a worker or for a command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import Connection, Engine

from fhir_server.app import Asgi, Log
from fhir_server.dispatch import Server
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import search_parameter
from fhir_server.subscriptions.courier import Undelivered
from fhir_server.subscriptions.owners import Revoked
from fhir_server.trouble import places
from hub.admin.app import Admin
from hub.gate import Gate
from hub.migrate import sqlalchemy_url
from hub.outbound import Allowed, Door
from hub.patient_notice import informing
from hub.rates import Rates
from hub.record_search import searching
from hub.sealing_key import seal
from hub.security_events import noting
from hub.settings import Settings
from hub.shared_counts import SharedCounts
from smart_auth import keys
from smart_auth.access_token import Site
from smart_auth.app import AuthApp
from smart_auth.assertion import ClientKeysUnknown
from smart_auth.bearer import Bearer
from smart_auth.client_keys import FETCH_SECONDS, MAX_SET, ClientKeys, Fetch
from smart_auth.feed import Feed
from smart_auth.parts import Parts

CONNECTIONS = 4
"""Of each worker to the database, beside the one that hears of revocations."""
_OPTIONS = "-c statement_timeout=10000 -c lock_timeout=5000"


def known(resource_type: str, code: str) -> str | None:
    """What scopes may name: resource types and their search parameters."""
    if not code:
        return "" if resource_type in TYPE_ID else None
    found = search_parameter(resource_type, code) if resource_type in TYPE_ID else None
    return None if found is None else found.type


def site(settings: Settings) -> Site:
    """Where the server is."""
    return Site(settings.authorization, settings.base)


def engine(url: str) -> Engine:
    """Connections to the authorization server's tables."""
    return sqlalchemy.create_engine(
        sqlalchemy_url(url),
        pool_size=CONNECTIONS,
        max_overflow=1,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={"application_name": "hub-auth", "options": _OPTIONS, "connect_timeout": 5},
    )


@dataclass(slots=True)
class Authorization:
    """The authorization server of one worker."""

    app: AuthApp
    gate: Gate
    holds: Callable[[str], Awaitable[object]]
    """A token that came through the gate; raises TokenRefused once it does not hold any more, FeedLost."""
    origins: Callable[[], frozenset[bytes]]
    revoked: Revoked
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def authorization(
    settings: Settings, url: str, other: Asgi, log: Log, fhir: Server, counts: SharedCounts
) -> Authorization:
    """The authorization server in front of `other`; it asks the record through `fhir`. Raises KeyUnusable."""
    tables = engine(url)
    feed = Feed(tables)
    bearer = Bearer(site(settings), feed, known)
    door = Door(Allowed(frozenset(settings.outbound_schemes), settings.outbound_loopback, private=False))
    loops: list[asyncio.AbstractEventLoop] = []
    parts = Parts(
        site(settings),
        seal(settings),
        known,
        ClientKeys(fetching(door, loops)),
        searching(fhir, loops),
        noting(settings),
        informing(fhir, loops),
    )

    def tell(path: str, error: BaseException) -> None:
        record = {"message": "fault", "level": "error", "interaction": path.rpartition("/")[2]}
        log(record | {"error": type(error).__qualname__, "trace": places(error)})

    rates = Rates(settings.client_rate, settings.person_rate, counts)
    entry = Gate(bearer, rates)
    admin = Admin(parts, entry, tables, time.time, tell, other)
    app = AuthApp(
        parts, tables, bearer, admin, tell=tell, patient_apps=settings.patient_apps,
        brand=f"{settings.base}/Organization/{settings.brands[0]}" if settings.brands else None,
        developers=settings.env != "production",
    )  # fmt: skip

    def prepare() -> None:
        with tables.begin() as connection:
            keys.make_sure(connection, parts.seal, int(time.time()))
            keys.current(connection, parts.seal, keys.ACCESS)  # a wrong key is told now, and not to the first client
        feed.start()

    async def start() -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.to_thread(prepare)

    async def stop() -> None:
        await asyncio.to_thread(feed.stop)
        app.close()
        await door.close()
        tables.dispose()

    return Authorization(app, entry, bearer.verified, feed.origins, feed.seen, start, stop)


def fetching(door: Door, loops: list[asyncio.AbstractEventLoop]) -> Fetch:
    """How threads fetch the keys of clients: through the door, which is at home in the event loop."""

    def fetch(url: str) -> tuple[bytes, str]:
        asked = door.fetch(url, [("Accept", "application/json")], FETCH_SECONDS, MAX_SET)
        try:
            body, headers = asyncio.run_coroutine_threadsafe(asked, loops[0]).result(FETCH_SECONDS + 1)
        except (Undelivered, TimeoutError):
            # Why not is nobody's business: it would tell strangers about the network inside.
            raise ClientKeysUnknown("the keys at the registered jwks_uri cannot be had") from None
        return body, headers.get("cache-control", "")

    return fetch


@contextmanager
def tables(url: str) -> Iterator[Connection]:
    """One transaction on the authorization server's tables, for a command."""
    found = engine(url)
    try:
        with found.begin() as connection:
            yield connection
    finally:
        found.dispose()
