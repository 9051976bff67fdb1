"""What `/metrics` tells of events."""

from __future__ import annotations

import asyncio

import psycopg
from prometheus_client import CollectorRegistry

from fhir_server.events.delivery import count, park
from fhir_server.events.event import Event
from fhir_server.store import ResourceStore
from hub.events.counting import keep_counting
from tests.fhir_server.conftest import BASE


async def test_gauges_follow_the_database(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into event (sequence, rid, version, type_id, interaction, since) values"
            " (5, 1, 1, 1, 'create', (extract(epoch from now() - interval '1 minute') * 1000000)::bigint)"
        )
        park(connection, [(name, Event(4, "Claim/1/_history/1", "create", "Patient/1", 0)) for name in ("a", "b")], 0)
        count(connection, "published", 3)
        count(connection, "dead")
    registry, store = CollectorRegistry(), ResourceStore(database, BASE)
    counting = asyncio.create_task(keep_counting(store, registry))
    async with asyncio.timeout(10):
        while not registry.get_sample_value("hub_events_waiting"):  # noqa: ASYNC110 - it reads when it likes
            await asyncio.sleep(0.02)
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    store.close()
    names = ("waiting", "published", "redelivered", "dead")
    assert [registry.get_sample_value(f"hub_events_{name}") for name in names] == [1, 3, 0, 1]
    assert registry.get_sample_value("hub_event_deliveries_waiting") == 2
    waited = registry.get_sample_value("hub_events_waiting_seconds")
    assert waited is not None
    assert 60 <= waited < 120
