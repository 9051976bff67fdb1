"""How events stand, for `/metrics`: read from the database every few seconds, by whoever serves."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge

from fhir_server.events.measure import STANDING, standing
from fhir_server.postgres import ConnectionLost, DatabaseError
from fhir_server.reader import Reader

SECONDS = 5.0

GAUGES: tuple[tuple[str, str], ...] = (
    ("hub_events_waiting", "Events that are not with the broker, or kept for their services, yet"),
    ("hub_events_waiting_seconds", "How long the oldest of them has been waiting"),
    ("hub_event_deliveries_waiting", "Events kept in the database that a service has not done with"),
    ("hub_events_published", "Events that have left the record, since ever"),
    ("hub_events_redelivered", "Events that came again, or were tried again, since ever"),
    ("hub_events_dead", "Events that became dead letters, since ever"),
)
"""In the order of `measure.Standing`. Of all processes together, kept in the database: hence gauges."""


async def keep_counting(reader: Reader, registry: CollectorRegistry) -> None:
    """Until cancelled."""
    gauges = [Gauge(name, words, registry=registry, multiprocess_mode="mostrecent") for name, words in GAUGES]
    while True:
        with suppress(ConnectionLost, DatabaseError):  # the requests tell
            [row] = await reader.select(STANDING)
            for gauge, value in zip(gauges, standing(*(int.from_bytes(raw or b"", "big") for raw in row)), strict=True):
                gauge.set(value)
        await asyncio.sleep(SECONDS)
