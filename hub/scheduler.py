"""The process beside `hub serve` that looks for sets of the ERP's files by the calendar, and for lines sent again.

One of them works at a time: the others wait for an advisory lock, and take over when its holder is gone. What was
missed while nobody worked is made up for.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch import again
from batch.run import FlowBusy
from batch.schedule import PLAN, Due, Known, due
from fhir_server.trouble import places
from hub import sync
from hub.logs import configure_logs
from hub.settings import Settings
from hub.tasy.site import site
from messages import partners, runs

LOCK = 4_611_686_018_427_387_890
"""Advisory lock of the one that works."""
TICK_SECONDS = 60
AGAIN_SECONDS = 1.0
_log = logging.getLogger("hub.scheduler")


def run(settings: Settings, url: str, tick: float = TICK_SECONDS) -> None:
    """Works until SIGTERM. url: of the database; tick: seconds between two looks at the calendar."""
    configure_logs(settings.log_level)
    for talkative in ("apscheduler", "paramiko"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _end)
    while True:
        try:
            with psycopg.connect(url, autocommit=True, application_name="hub-scheduler") as alone:
                alone.execute("select pg_advisory_lock(%s)", [LOCK])
                asyncio.run(_work(settings, url, alone, tick))
        except psycopg.Error as error:
            _log.warning("the database is lost: %s", type(error).__name__)
        except KeyboardInterrupt:
            return
        except Exception as error:  # noqa: BLE001 - outermost loop of the process: the next look makes up for it
            _log.error("the scheduler begins anew: %s", {"trace": places(error)})
        time.sleep(AGAIN_SECONDS)


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


async def _work(settings: Settings, url: str, alone: psycopg.Connection[Any], tick: float) -> None:
    """Raises psycopg.Error once the lock is lost with its connection."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def look() -> None:
        try:
            alone.execute("select 1")
            await looked(settings, url, alone)
        except Exception as error:  # noqa: BLE001 - told by whoever waits for `over`
            if not over.done():
                over.set_exception(error)

    scheduler.add_job(
        look, "interval", seconds=tick, next_run_time=datetime.now(UTC), max_instances=1, coalesce=True,
        misfire_grace_time=None,
    )  # fmt: skip
    scheduler.start()
    try:
        await over
    finally:
        scheduler.shutdown(wait=False)


async def looked(settings: Settings, url: str, connection: psycopg.Connection[Any]) -> None:
    """One look at the calendar, at runs that wait for somebody to go on, and at lines that were sent again."""
    now, zone = datetime.now(UTC), site(settings).site.zone
    for flow, planned in PLAN.items():
        found = due(planned, _known(connection, flow), now, zone)
        if found.look or _goes_on(connection, flow):
            await _synced(settings, url, connection, flow, found)
        if due(planned, _known(connection, flow), now, zone).alarm:
            _log.error("a set is late: %s", {"flow": flow})
            _note(connection, flow, "alarmed", now)
    async with sync.parts(settings, url) as parts:
        try:
            await again.work(parts)
        except (PartnerUnavailable, FhirRefused) as error:
            _log.warning("lines sent again wait: %s", {"why": str(error)})
    _keys(settings, connection, now)


async def _synced(settings: Settings, url: str, connection: psycopg.Connection[Any], flow: str, found: Due) -> None:
    try:
        outcomes = await sync.run(settings, url, flow, None)
        for name in sync.unfinished(settings) if found.look else ():
            _log.error("a set is not whole: %s", {"name": str(name)})
    except (PartnerUnavailable, PartnerRefused, FhirRefused, FlowBusy) as error:
        _log.warning("sets cannot be looked for: %s", {"flow": flow, "why": str(error)})
        return
    now = datetime.now(UTC)
    if found.look:
        _note(connection, flow, "looked", now)
    for one in outcomes:
        _log.info("set %s", {"name": str(one.name), "state": one.state})
    if any(one.state in (runs.APPLIED, runs.HELD, runs.REFUSED) for one in outcomes):
        _note(connection, flow, "arrived", now)


def _goes_on(connection: psycopg.Connection[Any], flow: str) -> bool:
    """Whether a person has decided about a set, or a run was interrupted, or a receipt was not sent."""
    row = connection.execute(
        "select exists (select from messages.run r where flow = %s and (state = 'RUNNING'"
        " or exists (select from batch.receipt b where b.run_id = r.id and (not sent or decided_by is not null"
        " and not archived))))", [flow],
    ).fetchone()  # fmt: skip
    return bool(row and row[0])


def _known(connection: psycopg.Connection[Any], flow: str) -> Known:
    row = connection.execute("select looked, arrived, alarmed from batch.schedule where flow = %s", [flow]).fetchone()
    return Known(*row) if row else Known()


def _note(connection: psycopg.Connection[Any], flow: str, what: str, now: datetime) -> None:
    connection.execute(
        f"insert into batch.schedule (flow, {what}) values (%s, %s)"
        f" on conflict (flow) do update set {what} = excluded.{what}", [flow, now],
    )  # fmt: skip


def _keys(settings: Settings, connection: psycopg.Connection[Any], now: datetime) -> None:
    """Says of the OpenPGP keys when they end, for the console, and of the server's host key that it is pinned."""
    ring, _ = sync.keyring(settings)
    for fingerprint, ends in ring.ends().items():
        partners.report(connection, "tasy", "key", fingerprint, {"kind": "OpenPGP"}, now, expires=ends)
    for one in settings.tasy_sftp_host_keys:
        partners.report(connection, "tasy", "host-key", one, {"kind": "SSH"}, now)
