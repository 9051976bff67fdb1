"""The process beside `hub serve` that looks, every few seconds, for what nobody's message but time alone makes due.

One of them works at a time: the others wait for an advisory lock, and take over when its holder is gone. A round finds
in the record what is due, so that what was missed while nobody worked is made up for by the next look.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerUnavailable
from fhir_server.trouble import places
from hub import encryption, further_channels
from hub.desk import leaving
from hub.logs import configure_logs
from hub.settings import Settings
from hub.whatsapp import episodes, silences
from hub.whatsapp.again import sending_due, watching
from hub.whatsapp.fetching import fetching
from hub.whatsapp.numbers import numbers
from hub.whatsapp.statuses import applying

LOCK = 4_611_686_018_427_387_879
"""Advisory lock of the one that works."""
AGAIN_SECONDS = 1.0
"""Before another try after the database or the lock was lost."""
_log = logging.getLogger("hub.rounds")

Work = Callable[[], Awaitable[None]]
"""One look: does what is due now. What it raises is told, and the next look comes as if nothing were."""


@dataclass(frozen=True, slots=True)
class Round:
    """Something that becomes due by time."""

    name: str
    seconds: float
    """Between the end of a look and the next."""
    make: Callable[[Settings, str], Work]
    """Given the settings and the database's URL; called once in a process."""


WHATSAPP: tuple[Round, ...] = (
    Round("whatsapp statuses", 0.5, applying),
    Round("whatsapp sends due", 1, sending_due),
    Round("whatsapp watch", 2, watching),
    Round("whatsapp numbers", 5, numbers),
    Round("whatsapp files", 0.5, fetching),
    Round("silences", silences.SECONDS, silences.Silences),
    Round("further channels", further_channels.SECONDS, further_channels.FurtherChannels),
    Round("desks", leaving.SECONDS, leaving.Leaving),
    Round("episodes", episodes.SECONDS, episodes.Episodes),
)
"""Rounds of a hub that has a WhatsApp."""


def rounds(settings: Settings) -> Sequence[Round]:
    """Those that the settings switch on; none: no process is needed."""
    return WHATSAPP if settings.whatsapp_url is not None else ()


def run(settings: Settings, url: str, found: Sequence[Round] | None = None) -> None:
    """Works until SIGTERM. url: of the database."""
    configure_logs(settings.log_level)
    encryption.begin(settings, url)
    signal.signal(signal.SIGTERM, _end)
    works = [(one, one.make(settings, url)) for one in (rounds(settings) if found is None else found)]
    try:
        with asyncio.Runner() as runner:  # one loop for as long as the process is there: looks keep their connections
            while True:
                _alone_until_lost(runner, works, url)
                time.sleep(AGAIN_SECONDS)
    except KeyboardInterrupt:
        return


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _alone_until_lost(runner: asyncio.Runner, works: Sequence[tuple[Round, Work]], url: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, application_name="hub-rounds") as alone:
            alone.execute("select pg_advisory_lock(%s)", [LOCK])
            runner.run(_work(works, alone))
    except* psycopg.Error as lost:
        _log.warning("the database is lost: %s", {"errors": [type(one).__name__ for one in lost.exceptions]})


async def _work(works: Sequence[tuple[Round, Work]], alone: psycopg.Connection[Any]) -> None:
    """Raises psycopg.Error once the lock is lost with its connection."""
    async with asyncio.TaskGroup() as group:
        for one, work in works:
            group.create_task(_again_and_again(one, work))
        group.create_task(_alone(alone))


async def _alone(connection: psycopg.Connection[Any]) -> None:
    while True:
        connection.execute("select 1")
        await asyncio.sleep(AGAIN_SECONDS)


async def _again_and_again(one: Round, work: Work) -> None:
    while True:
        try:
            await work()
        except (PartnerUnavailable, FhirRefused) as away:
            _log.warning("a round waits: %s", {"round": one.name, "why": str(away)})
        except psycopg.Error:
            raise
        except Exception as error:  # noqa: BLE001 - one round that is broken must not end the others
            _log.error("a round failed: %s", {"round": one.name, "trace": places(error)})
        await asyncio.sleep(one.seconds)
