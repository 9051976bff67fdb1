"""Transactions that commit late, out of the order of their sequence numbers: seen late, never passed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from fhir_server.postgres import Connection
from fhir_server.resource_types import TYPE_ID
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.outbox import LIMIT, Outbox
from fhir_server.subscriptions.seen import Seen
from fhir_server.version import Change
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.conftest import BASE
from tests.fhir_server.subscriptions.conftest import observation, relaying
from tests.fhir_server.subscriptions.endpoint import Endpoint


def change(id: str) -> Change:
    return Change("Observation", id, "PUT", observation(1, id), None)


@pytest.fixture
async def store(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE)
    yield store
    store.close()


@pytest.fixture
async def connection(store: ResourceStore) -> AsyncIterator[Connection]:
    connection = await store.connection()
    yield connection
    connection.close()


async def taken(outbox: Outbox) -> list[Seen]:
    """What one look finds, taken away."""
    seen = await outbox.look([])
    await outbox.commit([], seen)
    return seen


async def test_a_late_commit_is_seen_late(store: ResourceStore, connection: Connection) -> None:
    outbox = Outbox(connection.send, BASE)
    async with AsyncExitStack() as open:
        late = []
        for number in range(3):  # several at once, of which the newest commits first
            unit = await open.enter_async_context(store.transaction(UNRESTRICTED))
            await unit.write([change(f"late-{number}")])
            late.append(unit)
        for turn in range(5):
            await store.write(change(f"early-{turn}"))
            assert [one.id for one in await taken(outbox)] == [f"early-{turn}"]
        await late[2].finish("commit")
        assert [one.id for one in await taken(outbox)] == ["late-2"]
        await store.write(change("early-5"))
        assert [one.id for one in await taken(outbox)] == ["early-5"]
        await late[0].finish("commit")
        assert [one.id for one in await taken(outbox)] == ["late-0"]
        await late[1].finish("rollback")
    assert await taken(outbox) == []


async def test_dead_rows_are_not_read_again(store: ResourceStore, connection: Connection) -> None:
    """Even while an old snapshot keeps vacuum from removing them."""
    outbox = Outbox(connection.send, BASE)
    for turn in range(200):  # transactions of other databases count as well
        await store.write(change(f"a-{turn}"))
        assert len(await taken(outbox)) == 1
        if outbox._low >= 5:
            break
        await asyncio.sleep(0.02)
    assert outbox._low >= 5
    async with store.transaction(UNRESTRICTED) as unit:
        [version] = await unit.write([change("open")])
        for turn in range(6):
            await store.write(change(f"b-{turn}"))
            assert len(await taken(outbox)) == 1
        low = outbox._low
    [late] = await taken(outbox)
    assert (late.id, version.id) == ("open", "open")
    assert low <= late.sequence, "whoever is still at work has a number from here on"
    for turn in range(200):
        await store.write(change(f"c-{turn}"))
        await taken(outbox)
        if outbox._low > low:
            break
        await asyncio.sleep(0.02)
    assert outbox._low > low


async def test_what_nobody_asks_for_is_passed_over(store: ResourceStore, connection: Connection) -> None:
    """Up to the first Subscription, which may ask for it."""
    outbox = Outbox(connection.send, BASE)

    async def write(kind: str, id: str) -> None:
        await store.write(Change(kind, id, "PUT", {"resourceType": kind, "id": id}, None))

    for kind, id in (("Patient", "1"), ("Observation", "2"), ("Patient", "3")):
        await write(kind, id)
    await write("Subscription", "s")
    for kind in ("Patient", "Observation"):
        await write(kind, "after")
    asked = [TYPE_ID["Subscription"], TYPE_ID["Observation"]]
    seen, more = await outbox.look_for(asked)
    assert [(one.type, one.id) for one in seen] == [
        ("Observation", "2"), ("Subscription", "s"), ("Patient", "after"), ("Observation", "after"),
    ]  # fmt: skip
    assert not more
    await outbox.commit([], seen[:2])
    seen, _ = await outbox.look_for(asked)
    assert [(one.type, one.id) for one in seen] == [("Observation", "after")], "now it is taken up"
    await outbox.commit([], seen)
    assert await outbox.look_for(asked) == ([], False)


async def test_of_what_is_passed_over_no_dead_rows_are_read_again(store: ResourceStore, connection: Connection) -> None:
    outbox = Outbox(connection.send, BASE)
    for turn in range(200):  # transactions of other databases count as well
        await store.write(change(f"a-{turn}"))
        assert await outbox.look_for([TYPE_ID["Subscription"]]) == ([], False)
        if outbox._low >= 4:
            break
        await asyncio.sleep(0.02)
    assert outbox._low >= 4
    async with store.transaction(UNRESTRICTED) as unit:
        await unit.write([change("late")])
        for turn in range(4):
            await store.write(change(f"b-{turn}"))
            await outbox.look_for([TYPE_ID["Subscription"]])
    assert [one.id for one in await taken(outbox)] == ["late"]


async def test_many_writers_and_a_restarted_reader(store: ResourceStore, connection: Connection) -> None:
    """Each version once, those of one resource in order, whoever reads and whatever commits when."""
    outbox, found = Outbox(connection.send, BASE), list[tuple[str, int]]()

    async def write(name: str) -> None:
        previous = None
        for turn in range(25):
            row = observation(turn, name)
            async with store.transaction(UNRESTRICTED) as unit:
                [previous] = await unit.write([Change("Observation", name, "PUT", row, previous)])
                await asyncio.sleep(0.001 * (hash((name, turn)) % 7))

    writers = asyncio.gather(*(write(f"w{number}") for number in range(6)))
    while not writers.done() or await outbox.look([]):
        found += [(one.id, one.version_id) for one in await taken(outbox)]
        if len(found) % 5 == 0:
            outbox = Outbox(connection.send, BASE)
        await asyncio.sleep(0)
    await writers
    assert sorted(found) == sorted((f"w{number}", turn) for number in range(6) for turn in range(1, 26))
    for number in range(6):
        assert [version for id, version in found if id == f"w{number}"] == list(range(1, 26))


async def test_a_backlog_is_relayed_in_parts(database: str, endpoint: Endpoint) -> None:
    async with relaying(database, start=False) as relay:
        count = 2 * LIMIT + 10
        async with relay.store.transaction(UNRESTRICTED) as unit:
            await unit.write([change(f"before-{number}") for number in range(count)])
        await relay.subscribe(endpoint)
        for number in range(3):
            await relay.written("POST", "Observation", observation(number))
        relay.start()
        await endpoint.until(lambda: len(endpoint.told) == 3)
        assert sorted(one.json()["valueInteger"] for one in endpoint.told) == [0, 1, 2]
