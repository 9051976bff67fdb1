"""The process beside `hub serve`, or apart as `hub events run`: everything that is done about events."""

from __future__ import annotations

import asyncio
import logging
import threading

import uvloop

from hub import encryption
from hub.events.consuming import consume
from hub.events.dead import Dead
from hub.events.due import deliver_all
from hub.events.publishing import publish
from hub.logs import configure_logs
from hub.sealing_key import bodies
from hub.services import Services, services
from hub.settings import Settings
from hub.whatsapp.sending import Sending
from hub.whatsapp.turns import Turns
from hub.whatsapp.under_way import UnderWay

THREADS = 4
"""Events that services work on at the same time where there is no broker."""
WAITING_THREADS = 1
"""The same of those that had to wait, where there is one."""


def run(settings: Settings, url: str, found: Services | None = None) -> None:
    """Takes events to services until SIGTERM; where the process is killed, whoever is started next goes on."""
    configure_logs(settings.log_level)
    # It tells what we tell anyhow, with addresses.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    encryption.begin(settings, url)
    uvloop.run(_work(settings, url, services(settings, url) if found is None else found))


async def _work(settings: Settings, url: str, found: Services) -> None:
    broker = settings.amqp_url
    dead = Dead(bodies(settings))
    if found.run:
        for number in range(THREADS if broker is None else WAITING_THREADS):
            threading.Thread(
                target=deliver_all, args=(url, found.run, dead), name=f"events-due-{number}", daemon=True
            ).start()
    async with asyncio.TaskGroup() as group:
        group.create_task(publish(url, settings.base, found, broker))
        if "chat" in found.run:
            sending = found.run.get("whatsapp")
            under_way = sending.under_way if isinstance(sending, Sending) else UnderWay()
            group.create_task(Turns(settings, url, dead.bury, under_way).run())
        if broker is not None and found.run:
            group.create_task(consume(url, found.run, broker, dead))
