"""The store: versions, index rows that follow them, referential integrity, races."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from fhir_server.index_tables import COLUMNS
from fhir_server.logical_ids import new_id
from fhir_server.store import (
    Change,
    MissingReferences,
    ResourceStore,
    StillReferenced,
    Version,
    VersionConflict,
)
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

BASE = "http://hub.test/fhir"
PATIENT = {"resourceType": "Patient", "name": [{"family": "Silva"}], "birthDate": "1980-02-29"}


def observation(patient: str, value: str = "72", **more: Any) -> dict[str, Any]:
    """A heart rate."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://cat", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-01-01T10:00:00Z",
        "valueQuantity": {
            "value": int(value),
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    } | more


@pytest.fixture
async def store(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE)
    yield store
    store.close()


@pytest.fixture
async def lenient(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE, referential_integrity=False)
    yield store
    store.close()


async def put(store: ResourceStore, id: str, resource: dict[str, Any] | None) -> Version:
    """Writes over whatever is current."""
    resource_type = resource["resourceType"] if resource else "Patient"
    previous = await store.read(UNRESTRICTED, resource_type, id)
    return await store.write(Change(resource_type, id, "PUT" if resource else "DELETE", resource, previous))


def stored_rows(database: str, rid: int) -> dict[str, Counter[tuple[Any, ...]]]:
    """All index rows of a resource, by table."""
    with psycopg.connect(database) as connection:
        return {
            table: Counter(connection.execute(f"select {', '.join(columns)} from {table} where rid = %s", [rid]))
            for table, columns in COLUMNS.items()
        }


async def test_versions_follow_each_other(store: ResourceStore) -> None:
    first = await put(store, "p", PATIENT)
    second = await put(store, "p", PATIENT | {"active": True})
    gone = await put(store, "p", None)
    back = await put(store, "p", PATIENT)
    assert [v.version_id for v in (first, second, gone, back)] == [1, 2, 3, 4]
    assert {v.rid for v in (first, second, gone, back)} == {first.rid}
    assert gone.body is None
    history = await store.history(UNRESTRICTED, type="Patient", id="p", count=10)
    assert [(v.version_id, v.method) for v in history] == [(4, "PUT"), (3, "DELETE"), (2, "PUT"), (1, "PUT")]
    for version in (first, second, gone, back):
        assert await store.vread(UNRESTRICTED, "Patient", "p", version.version_id) == version
    assert await store.vread(UNRESTRICTED, "Patient", "p", 5) is None
    assert await store.read(UNRESTRICTED, "Patient", "q") is None


async def test_body_is_stamped_and_keeps_its_digits(store: ResourceStore) -> None:
    sent = parse(b'{"resourceType":"Observation","status":"final","code":{"text":"x"},'
                 b'"meta":{"versionId":"9","profile":["http://p"]},"valueQuantity":{"value":1.10}}')  # fmt: skip
    version = await put(store, "o", sent)
    assert version.body is not None
    assert re.fullmatch(
        rb'\{"resourceType":"Observation","id":"o","meta":\{"versionId":"1","lastUpdated":"[0-9T:.-]+Z",'
        rb'"profile":\["http://p"\]\},"status":"final","code":\{"text":"x"\},"valueQuantity":\{"value":1.10\}\}',
        version.body,
    )


async def test_history_by_time_and_page(store: ResourceStore) -> None:
    written = [await put(store, f"p{n % 3}", PATIENT | {"multipleBirthInteger": n}) for n in range(9)]
    newest = written[::-1]
    pages: list[Version] = []
    while page := await store.history(
        UNRESTRICTED,
        type="Patient",
        count=2,
        cursor=(pages[-1].last_updated, pages[-1].rid, pages[-1].version_id) if pages else None,
    ):
        pages += page
    assert pages == newest
    assert await store.history(UNRESTRICTED, since=written[5].last_updated, count=50) == newest[:4]
    at = written[4].last_updated
    current = {v.id: v for v in written[:5]}
    found = await store.history(UNRESTRICTED, type="Patient", at=(at, at + 1), count=50)
    assert {v.id: v for v in found} == current


async def test_references_must_exist_and_what_is_referred_to_stays(store: ResourceStore) -> None:
    with pytest.raises(MissingReferences) as caught:
        await put(store, "o", observation("p"))
    assert caught.value.references == [(0, "Patient/p")]
    patient = await put(store, "p", PATIENT)
    await put(store, "o", observation("p"))
    with pytest.raises(StillReferenced) as held:
        await put(store, "p", None)
    assert held.value.by == "Observation"
    seen = await store.read(UNRESTRICTED, "Observation", "o")
    await store.write(Change("Observation", "o", "DELETE", None, seen))
    await put(store, "p", None)
    with pytest.raises(MissingReferences):  # deleted is as good as absent
        await put(store, "o", observation("p"))
    assert (await put(store, "p", PATIENT)).rid == patient.rid


async def test_references_without_search_parameter_count_as_well(store: ResourceStore) -> None:
    holder = observation("p", extension=[{"url": "http://x", "valueReference": {"reference": "Device/d"}}])
    await put(store, "p", PATIENT)
    with pytest.raises(MissingReferences):
        await put(store, "o", holder)
    device = await put(store, "d", {"resourceType": "Device"})
    await put(store, "o", holder)
    with pytest.raises(StillReferenced):
        await store.write(Change("Device", "d", "DELETE", None, device))


async def test_without_integrity_a_placeholder_stands_in(lenient: ResourceStore) -> None:
    await put(lenient, "o", observation("p"))
    assert await lenient.read(UNRESTRICTED, "Patient", "p") is None
    assert await lenient.history(UNRESTRICTED, type="Patient", count=5) == []
    created = await put(lenient, "p", PATIENT)
    assert created.version_id == 1
    assert await lenient.history(UNRESTRICTED, type="Patient", id="p", count=5) == [created]
    await put(lenient, "p", None)


async def test_index_rows_follow_every_version(store: ResourceStore, database: str) -> None:
    await put(store, "p", PATIENT)
    await put(store, "q", PATIENT)
    one, other = observation("p"), observation("q", "90", status="amended", note=[{"text": "x"}])
    version = await put(store, "o", one)
    first = stored_rows(database, version.rid)
    assert sum(map(len, first.values())) > 10
    await put(store, "o", other)
    assert stored_rows(database, version.rid) != first
    await put(store, "o", one)
    assert stored_rows(database, version.rid) == first
    seen = await store.read(UNRESTRICTED, "Observation", "o")
    await store.write(Change("Observation", "o", "DELETE", None, seen))
    assert not any(stored_rows(database, version.rid).values())


async def test_every_write_leaves_an_outbox_row(store: ResourceStore, database: str) -> None:
    await put(store, "p", PATIENT)
    await put(store, "p", PATIENT | {"active": True})
    await put(store, "p", None)
    with psycopg.connect(database) as connection:
        rows = connection.execute("select version, method from outbox order by sequence").fetchall()
    assert rows == [(1, "PUT"), (2, "PUT"), (3, "DELETE")]


async def test_one_of_many_concurrent_updates_wins(store: ResourceStore) -> None:
    seen = await put(store, "p", PATIENT)

    def change(n: int) -> Change:
        return Change("Patient", "p", "PUT", PATIENT | {"multipleBirthInteger": n}, seen)

    answers = await asyncio.gather(*[store.write(change(n)) for n in range(64)], return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {Version: 1, VersionConflict: 63}


async def test_one_of_many_concurrent_creations_of_an_id_wins(store: ResourceStore) -> None:
    answers = await asyncio.gather(
        *[store.write(Change("Patient", "p", "PUT", PATIENT, None)) for _ in range(16)], return_exceptions=True
    )
    assert Counter(type(answer) for answer in answers) == {Version: 1, VersionConflict: 15}


async def test_a_failing_write_takes_no_other_along(store: ResourceStore) -> None:
    await put(store, "p", PATIENT)
    stale = Version("Patient", "p", 10**9, 1, 0, "PUT", None)
    writes = [Change("Observation", new_id(), "POST", observation("p"), None) for _ in range(20)]
    answers = await asyncio.gather(
        *[store.write(change) for change in [*writes, Change("Patient", "p", "PUT", PATIENT, stale)]],
        return_exceptions=True,
    )
    assert Counter(type(answer) for answer in answers) == {Version: 20, VersionConflict: 1}


async def test_deletion_and_reference_race_to_a_consistent_end(store: ResourceStore) -> None:
    for n in range(25):
        id = f"p{n}"
        patient = await put(store, id, PATIENT)
        deleted, referred = await asyncio.gather(
            store.write(Change("Patient", id, "DELETE", None, patient)),
            store.write(Change("Observation", new_id(), "POST", observation(id), None)),
            return_exceptions=True,
        )
        assert isinstance(deleted, Version) != isinstance(referred, Version), (deleted, referred)


async def test_a_unit_is_whole_or_nothing(store: ResourceStore) -> None:
    changes = [
        Change("Observation", "o", "PUT", observation("new"), None),
        Change("Patient", "new", "PUT", PATIENT, None),
    ]

    async def fail() -> None:
        async with store.transaction(UNRESTRICTED) as unit:
            await unit.write(changes)
            assert (await unit.read_many([("Patient", "new")]))[0] is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await store.read(UNRESTRICTED, "Patient", "new") is None
    async with store.transaction(UNRESTRICTED) as unit:
        await unit.write(changes)
    assert await store.read(UNRESTRICTED, "Observation", "o") is not None
    with pytest.raises(StillReferenced):
        await put(store, "new", None)


async def test_locks_hold_others_back(store: ResourceStore) -> None:
    inside: list[int] = []

    async def enter(n: int) -> None:
        async with store.transaction(UNRESTRICTED) as unit:
            await unit.lock([7, 3, 7])
            inside.append(n)
            await asyncio.sleep(0.01)
            assert inside[-1] == n

    await asyncio.gather(*[enter(n) for n in range(6)])


async def test_policies_are_read_once_for_all_who_ask_together(
    store: ResourceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    learn = store.learn

    async def counted() -> None:
        nonlocal read
        read += 1
        await learn()

    monkeypatch.setattr(store, "learn", counted)
    assert store.outdated
    first = asyncio.create_task(store.refresh())
    await asyncio.sleep(0)
    others = [asyncio.create_task(store.refresh()) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(*others)
    assert (read, store.outdated) == (1, False)
    monkeypatch.setattr("fhir_server.store.STALE_SECONDS", -1.0)  # whatever was read is too old
    await store.refresh()
    assert read == 3
