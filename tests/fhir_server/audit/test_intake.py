"""What waits at the same moment shares a commit, reads of several accesses too; each has its own answer and event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from fhir_server.audit.event import Event
from fhir_server.audit.intake import Intake
from fhir_server.audit.trail import Trail
from fhir_server.postgres import DatabaseError, Row
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.version import Change, Version
from smart_auth.scopes import NOBODY, UNRESTRICTED, Access
from tests.fhir_server.audit.conftest import stored


def asked(number: int) -> Trail:
    return Trail(number, "read", "Patient", UNRESTRICTED, "127.0.0.1", "", ("Patient", str(number)), "")


class Counted:
    """Runs statements in the store, and counts the commits."""

    def __init__(self, store: ResourceStore) -> None:
        self._store, self.commits = store, 0
        self.intake = Intake(self)

    async def __call__(self, statements: Sequence[Statement]) -> list[list[Row]]:
        self.commits += 1
        return await self._store._points.run(statements)

    async def read(self, number: int, access: Access = UNRESTRICTED) -> tuple[Trail, Version | None]:
        trail = asked(number)
        return trail, await self.intake.read(trail, access, "Patient", str(number))


@pytest.fixture
async def counted(store: ResourceStore) -> Counted:
    """Patient 1 to 40 are there, 7 is deleted."""
    changes = [Change("Patient", str(n), "PUT", {"resourceType": "Patient", "id": str(n)}, None) for n in range(1, 41)]
    versions = await asyncio.gather(*map(store.write, changes))
    await store.write(Change("Patient", "7", "DELETE", None, versions[6]))
    return Counted(store)


async def test_reads_and_events_share_a_commit(counted: Counted, database: str) -> None:
    event = Event(1, "search-type", 200)
    answers, others, _ = await asyncio.gather(
        asyncio.gather(*(counted.read(number) for number in (1, 2, 1, 7, 99))),
        asyncio.gather(*(counted.read(number, NOBODY) for number in (1, 2))),
        counted.intake.note(event),
    )
    assert counted.commits == 1
    found = [version for _, version in answers]
    assert [version and version.id for version in found] == ["1", "2", "1", "7", None]
    assert [version for _, version in others] == [None, None]
    assert [trail.stored for trail, _ in (*answers, *others)] == [True, True, True, False, False, False, False]
    shown = [(one.at, one.path, one.seen) for events in stored(database) for one in events if one != event]
    assert shown == [(int(v.id), f"Patient/{v.id}", ((v.rid, 1),)) for v in found[:3] if v]
    assert [event] in stored(database)


async def test_a_lone_one_waits_for_nobody_and_a_crowd_for_its_company(counted: Counted, database: str) -> None:
    for number in (1, 2, 3):
        await counted.read(number)
    assert counted.commits == 3

    async def client(first: int) -> None:
        for number in range(first, first + 3):
            assert (await counted.read(number))[1] is not None

    await asyncio.gather(*(client(number) for number in range(8, 38)))
    assert counted.commits == 6
    assert sorted(map(len, stored(database))) == [1, 1, 1, 30, 30, 30]


async def test_what_is_not_committed_is_not_read(counted: Counted, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("alter table audit_intake add check (events < 0) not valid")
    answers = await asyncio.gather(
        *(counted.read(number) for number in (1, 2)), counted.intake.note(Event(1, "read", 404)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DatabaseError] * 3
    with psycopg.connect(database) as connection:
        connection.execute("alter table audit_intake drop constraint audit_intake_events_check")
    assert (await counted.read(1))[1] is not None
    assert len(stored(database)) == 1
