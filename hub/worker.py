"""The process beside `hub serve` that asks partners: it works on the durable queue and reads what changes over there.

One of them speaks with Tasy at a time, for the rate and the circuits are of all calls together: the others wait for an
advisory lock, and take over when its holder is gone.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tasy.client import Tasy
from adapters.tasy.wire import Wire
from fhir_server.trouble import places
from hub import own_clients
from hub.ledger import Ledger, now
from hub.logs import configure_logs
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy import authorization, claim_status, directory
from hub.tasy.connection import Pair, chosen, door, pairs
from hub.tasy.parts import Parts
from hub.tasy.reporting import report
from hub.tasy.site import site
from hub.tasy.work import work
from mappings.errors import MappingError
from messages.sweep import sweep

SERVICES = (
    own_clients.ELIGIBILITY, own_clients.AUTHORIZATION, own_clients.DIRECTORY, own_clients.CLAIM_STATUS,
)  # fmt: skip
CONNECTIONS = 16
"""To the FHIR API, of each service."""
THREADS = 8
LOCK = 4_611_686_018_427_387_860
"""Advisory lock of the one that speaks with Tasy."""
AGAIN_SECONDS = 1.0
_log = logging.getLogger("hub.worker")


async def _forget(parts: Parts) -> int:
    """What is older than messages are kept is removed."""
    return await parts.ledger(lambda connection: sweep(connection, now()))


POLLS: tuple[tuple[str, Callable[[Parts], Awaitable[int]], float], ...] = (
    ("claim status", claim_status.read_changes, 300),
    ("guides in analysis", authorization.ask_again, 300),
    ("directory", directory.read_changes, 3600),
    ("messages that are too old", _forget, 6 * 3600),
)
"""What is done again and again: name, how, and seconds between."""


def run(settings: Settings, url: str) -> None:
    """Works until SIGTERM. url: of the database."""
    configure_logs(settings.log_level)
    asyncio.run(_run(settings, url))


async def _run(settings: Settings, url: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    working = asyncio.create_task(_keep(settings, url))
    stopping = asyncio.create_task(ended.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, stopping):
        task.cancel()
    await asyncio.gather(working, stopping, return_exceptions=True)


async def _keep(settings: Settings, url: str) -> None:
    """Works as the one that may, begins anew where the database is lost."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                url, autocommit=True, application_name="hub-worker"
            ) as alone:
                await alone.execute("select pg_advisory_lock(%s)", [LOCK])
                async with asyncio.TaskGroup() as group:
                    group.create_task(_held(alone))
                    group.create_task(_work(settings, url))
        except* psycopg.Error as lost:
            _log.warning("the database is lost: %s", {"why": [type(one).__name__ for one in lost.exceptions]})
        except* Exception as error:  # noqa: BLE001 - outermost loop of the process: what is queued stays queued
            _log.error("the worker begins anew: %s", {"trace": places(error)})
        await asyncio.sleep(AGAIN_SECONDS)


async def _held(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Returns never, raises psycopg.Error once the lock is lost with its connection."""
    while True:
        await connection.execute("select 1")
        await asyncio.sleep(AGAIN_SECONDS)


async def _work(settings: Settings, url: str) -> None:
    """Everything that is done in this process."""
    shown = chosen(pairs(settings), now())
    async with parts_of(settings, url, shown) as parts, asyncio.TaskGroup() as group:
        group.create_task(work(parts, url))
        group.create_task(report(parts, settings, shown))
        for name, read, seconds in POLLS:
            group.create_task(_poll(parts, name, read, seconds))


@asynccontextmanager
async def parts_of(settings: Settings, url: str, shown: Pair) -> AsyncIterator[Parts]:
    """What handlers reach, as long as the block. shown: the certificate that Tasy sees."""
    async with AsyncExitStack() as stack:
        record = {
            service: await stack.enter_async_context(own_clients.door(settings, service, CONNECTIONS))
            for service in SERVICES
        }
        place = site(settings)
        wire = Wire(door(settings, shown, place))
        stack.push_async_callback(wire.close)
        ledger = Ledger(url, bodies(settings), THREADS)
        stack.callback(ledger.close)
        yield Parts(ledger, Tasy(wire), wire, record, place.site, place)


async def _poll(parts: Parts, name: str, read: Callable[[Parts], Awaitable[int]], seconds: float) -> None:
    while True:
        try:
            changed = await read(parts)
            _log.info("read: %s", {"what": name, "changed": changed})
        except (PartnerUnavailable, PartnerRefused, FhirRefused, MappingError) as error:
            _log.warning("not read: %s", {"what": name, "why": type(error).__name__})
        except psycopg.Error as error:
            _log.warning("not read, the database is lost: %s", {"what": name, "why": type(error).__name__})
        await asyncio.sleep(seconds)
