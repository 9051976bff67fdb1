"""A served hub with an audit trail, and the sealer at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.arrays import int8_array
from fhir_server.audit.event import Event, event_of
from fhir_server.audit.sealing import Sealing
from fhir_server.audit.taken import Taken
from fhir_server.store import ResourceStore
from tests.fhir_server.conftest import BASE, serving

Seal = Callable[[], Awaitable[int]]
Trail = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def store(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE)
    yield store
    store.close()


@pytest.fixture
async def audited(database: str, store: ResourceStore) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a hub that audits."""
    async with serving(database, audit=store.intake.note) as client:
        yield client


@pytest.fixture
async def seal(store: ResourceStore) -> AsyncIterator[Seal]:
    """Seals all there is."""
    connection = await store.connection()
    sealing = Sealing(connection, lambda record: None)

    async def all_of_it() -> int:
        count = 0
        while done := await sealing.seal():
            count += done
        return count

    yield all_of_it
    connection.close()


@pytest.fixture
def trail(audited: httpx2.AsyncClient, seal: Seal) -> Trail:
    """AuditEvents by the operation, after sealing; those of the operation itself left out."""

    async def ask(path: str = "AuditEvent/$trail", **parameters: str) -> list[dict[str, Any]]:
        await seal()
        answer = await audited.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        events = [entry["resource"] for entry in answer.json().get("entry", ())]
        return [event for event in events if "operation" not in str(event["subtype"])]

    return ask


def stored(database: str) -> list[list[Event]]:
    """The events of each row of the intake."""
    with psycopg.connect(database) as connection:
        cursor = connection.cursor(binary=True)
        rows = cursor.execute("select lines, events, rids, places from audit_intake order by sequence").fetchall()
    found = []
    for lines, events, rids, places in rows:
        taken = Taken()
        taken.add(lines, rids and int8_array(rids), places and int8_array(places))
        taken.complete(())
        assert len(taken) == events
        found.append([event_of(line) for line in taken.lines])
    return found
