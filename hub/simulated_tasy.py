"""The simulated ERP beside `hub serve`: made at its first start, its sets applied as they come.

Never in production: the command refuses it there.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg

from adapters.fhir_client import FhirRefused
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from batch.entities import CODES
from batch.names import SetName, set_name
from batch.run import FlowBusy
from hub import sync
from hub.beside import beside
from hub.logs import configure_logs
from hub.settings import Settings, with_variables
from hub.tls import trusted
from simulators.on_socket import bound
from simulators.tasy.callbacks import Callbacks
from simulators.tasy.openpgp import end_agent
from simulators.tasy.station import Keys, PlanOf, Station, keys, running

MEMBERS, SEED = 200, 1
DAYS = 30
"""Before today is the first day of the plan: so many may pass there before they are days to come."""
PORTS = (8443, 2022)
"""Of REST and SFTP, where they are free."""
LOOK_SECONDS = 2.0
FIRST = ("REDE", "PLANOS", "MEMBROS")
"""Sets that a new plan begins with."""
_log = logging.getLogger("hub.simulated-tasy")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Keys, and sockets that are bound."""

    keys: Keys
    rest: socket.socket
    files: socket.socket


@contextmanager
def prepared(settings: Settings) -> Iterator[tuple[Prepared, Settings]]:
    """Keys and sockets, and the settings of a hub that speaks with it. Raises OSError: GnuPG is not there, say."""
    made = keys(settings.simulated_tasy)
    with bound(PORTS[0]) as rest, bound(PORTS[1]) as files:
        variables = made.variables(rest.getsockname()[1], files.getsockname()[1])
        try:
            yield Prepared(made, rest, files), with_variables(settings, variables)
        finally:
            end_agent(made.hub_home)


@contextmanager
def simulated_tasy(settings: Settings, url: str, found: Prepared) -> Iterator[None]:
    """Keeps it going as long as the block, in a process of its own. url: of the database."""
    with beside("hub-simulated-tasy", __name__, settings, url, settings.simulated_tasy, found.rest, found.files):
        yield


def run(settings: Settings, url: str, made: Path, rest: socket.socket, files: socket.socket) -> None:
    """Serves it until SIGTERM, and applies its sets."""
    configure_logs(settings.log_level)
    asyncio.run(_run(settings, url, keys(made), rest, files))


async def _run(settings: Settings, url: str, made: Keys, rest: socket.socket, files: socket.socket) -> None:
    callbacks = Callbacks(settings.base.rsplit("/", 1)[0], made.callback_secret, trusted(settings))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    plan = PlanOf(MEMBERS, SEED, date.today() - timedelta(days=DAYS))
    # Copies: a process that takes the place of this one is given the same sockets.
    async with running(made, plan, rest.dup(), files.dup(), callbacks) as station:
        applying = asyncio.create_task(_keep_applying(settings, url, station))
        await ended.wait()
        applying.cancel()
        await asyncio.gather(applying, return_exceptions=True)


async def _keep_applying(settings: Settings, url: str, station: Station) -> None:
    """Applies whatever set comes, once each: what is held or refused waits for a person."""
    sets = station.control.files
    assert sets is not None
    if station.new:
        for flow in FIRST:
            await asyncio.to_thread(sets.publish, flow)
    tried: set[tuple[SetName, int]] = set()
    while True:
        there = {
            (name, path.stat().st_mtime_ns)
            for path in (sets.root / "saida").glob("*.done")
            if (name := set_name(path.name)) is not None
        }
        for flow in FIRST:
            due = {one for one in there - tried if one[0].flow == flow}
            if due:
                done = await asyncio.to_thread(_applied, settings, url, CODES[flow])
                tried |= due if done else set()
        await asyncio.sleep(LOOK_SECONDS)


def _applied(settings: Settings, url: str, code: str) -> bool:
    """Applies the sets of a flow; False: not now, because the hub is on its way up or somebody else does it."""
    try:
        outcomes = asyncio.run(sync.run(settings, url, code, None))
    except (FlowBusy, PartnerUnavailable, psycopg.OperationalError):
        return False
    except (PartnerRefused, FhirRefused) as error:
        _log.warning("sets of the simulated ERP: %s", {"flow": code, "refused": str(error)})
        return True
    for one in outcomes:
        _log.info("set: %s", {"flow": code, "state": one.state})
    return True
