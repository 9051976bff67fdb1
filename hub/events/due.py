"""Events in `event_delivery` to services: all of them where there is no broker, else those that had to wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import psycopg

from fhir_server.events.delivery import CHANNEL, Service, deliver_due, forget
from hub.events.dead import Dead

WAIT_SECONDS = 1.0
"""What is due is announced by NOTIFY, what becomes due is not: this often somebody looks."""
AGAIN_SECONDS = 1.0
FORGET_SECONDS = 3600.0

_log = logging.getLogger("hub.events")


def deliver_all(url: str, services: Mapping[str, Service], dead: Dead) -> None:
    """Has services do what is due, and what people send again, as long as the process runs."""
    forgotten = time.monotonic()
    while True:
        try:
            with psycopg.connect(url, autocommit=True, application_name="hub-events") as connection:
                connection.execute(f"listen {CHANNEL}")
                while True:
                    while deliver_due(connection, services, time.time_ns() // 1000, dead.bury):
                        pass
                    while dead.again(connection, services):
                        pass
                    if time.monotonic() - forgotten > FORGET_SECONDS:
                        forgotten = time.monotonic()
                        forget(connection, time.time_ns() // 1000)
                    for _ in connection.notifies(timeout=WAIT_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            _log.warning("the database is lost: %s", type(error).__name__)
        time.sleep(AGAIN_SECONDS)
