"""Totals that are kept are what a count would find at the same moment, whoever writes beside."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest

from bench.plans import explained
from fhir_server.expunge import remove
from fhir_server.interactions import search as interaction
from fhir_server.postgres import Connection
from fhir_server.reindex.chunk import Part, mended
from fhir_server.search import totals
from fhir_server.search.query import SearchQuery, parse_query
from fhir_server.search.select import select
from fhir_server.search.totals import Kept, keepable
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.relay import Pace, Relay
from fhir_server.version import Change, Version
from hub.authorization import known
from smart_auth.scopes import UNRESTRICTED, Access, parse
from tests.fhir_server.search.conftest import BASE, World, observation, patient

SEARCHES = (
    "", "code=a", "code=a,b", "code=a&status=final", "code:not=a", "date=ge2001", "value-quantity=gt50",
    "_lastUpdated=ge2000", "code:text=the", "_filter=code eq a or status eq amended",
)  # fmt: skip
CODES, STATUSES = ("a", "b", "c"), ("final", "amended")
BEGIN = Statement("begin isolation level repeatable read read only")
COMMIT = Statement("commit")
ONCE = Pace(poll=0.002, gather=0.001, unheard=0.001)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resources above the rid: so few that writers get below it."""
    monkeypatch.setattr(totals, "LEAST", 3)
    monkeypatch.setattr(totals, "MOST", 6)


@pytest.fixture
async def store(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE)
    yield store
    store.close()


@pytest.fixture
async def relayed(store: ResourceStore) -> AsyncIterator[Relay]:
    async def send(*told: object) -> Any:
        raise AssertionError("there is nobody to be told")

    relay = Relay(store, send, now=store.now, pace=ONCE)
    task = asyncio.create_task(relay.run())
    while not relay.leading:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.005)
    yield relay
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def asked(search: str) -> SearchQuery:
    return parse_query("Observation", [*parse_qsl(search), ("_summary", "count")])


class Counted:
    """A search whose total is kept, beside the same search counted anew."""

    def __init__(self, search: str) -> None:
        query = asked(search)
        assert keepable(query, UNRESTRICTED), search
        self.search, self.plain = search, select(query, UNRESTRICTED, BASE)
        self.kept = Kept(select(query, UNRESTRICTED, BASE, keeping=True), 0)

    async def check(self, connection: Connection) -> int:
        """What both say in one snapshot."""
        _, [plain], [row], _ = await connection.send([BEGIN, self.plain, self.kept.asking(), COMMIT])
        total, expected = (int.from_bytes(one[1] or b"", "big") for one in (row, plain))
        assert total == expected, f"{self.search}: {total} is said, {expected} are found"
        self.kept = self.kept.answered(total, row[3])
        return total

    async def read(self, store: ResourceStore) -> int:
        """Rows that are read to answer now."""
        return (await explained(store, self.kept.asking())).read


def resource(id: str, chance: random.Random) -> dict[str, Any]:
    found = observation(id, "Patient/p", chance.choice(CODES), "2002-03-04", str(chance.randrange(100)))
    return found | {"status": chance.choice(STATUSES)}


async def settled(store: ResourceStore) -> None:
    """Until the relay has taken all that was written."""
    while await store.select(Statement("select 1 from outbox limit 1")):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)


async def test_at_every_moment(store: ResourceStore, relayed: Relay, database: str) -> None:
    """Beside writers of two processes that create, update, delete, restore, roll back, and take their time."""
    other = ResourceStore(database, BASE)
    await store.write(Change("Patient", "p", "PUT", patient("p", "Silva", None, "male"), None))
    number = iter(range(1_000_000))

    async def create(chance: random.Random, by: ResourceStore) -> Version:
        id = f"n{next(number)}"
        return await by.write(Change("Observation", id, "PUT", resource(id, chance), None))

    async def change(chance: random.Random, by: ResourceStore, previous: Version) -> Version:
        gone = previous.body is not None and chance.random() < 0.3
        found = None if gone else resource(previous.id, chance)
        return await by.write(Change("Observation", previous.id, "DELETE" if gone else "PUT", found, previous))

    async def quick(chance: random.Random, by: ResourceStore, changing: float) -> None:
        own: list[Version] = []
        for _ in range(120):
            if own and chance.random() < changing:
                place = chance.randrange(len(own))
                own[place] = await change(chance, by, own[place])
            else:
                own.append(await create(chance, by))
            await asyncio.sleep(chance.random() * 0.01)

    async def slow(chance: random.Random, by: ResourceStore) -> None:
        """Long transactions, half of which are rolled back."""
        own: list[Version] = []
        for _ in range(12):
            with suppress(LookupError):
                async with by.transaction(UNRESTRICTED) as unit:
                    ids = [f"n{next(number)}" for _ in range(2)]
                    written = await unit.write(
                        [Change("Observation", id, "PUT", resource(id, chance), None) for id in ids]
                    )
                    if own:
                        last = own[-1]
                        fresh = resource(last.id, chance)
                        written += await unit.write([Change("Observation", last.id, "PUT", fresh, last)])
                    await asyncio.sleep(chance.random() * 0.15)
                    if chance.random() < 0.5:
                        raise LookupError
                own = written

    chances = [random.Random(seed) for seed in range(6)]
    writers = asyncio.gather(
        quick(chances[0], store, 0.0), quick(chances[1], other, 0.0), quick(chances[2], store, 0.2),
        quick(chances[3], other, 0.7), slow(chances[4], store), slow(chances[5], other),
    )  # fmt: skip
    searches = [Counted(search) for search in SEARCHES]
    connection = await store.connection()
    checks = 0
    while not writers.done():
        for one in searches:
            await one.check(connection)
            checks += 1
        await asyncio.sleep(0)
    await writers
    assert checks > 200
    await settled(store)
    for one in searches:
        assert await one.check(connection) > 0
        assert one.kept.known, one.search
    connection.close()
    other.close()


async def created(store: ResourceStore, count: int, first: int = 0) -> list[Version]:
    chance = random.Random(first)
    if first == 0:
        await store.write(Change("Patient", "p", "PUT", patient("p", "Silva", None, "male"), None))
    changes = [
        Change("Observation", f"c{n}", "PUT", resource(f"c{n}", chance), None) for n in range(first, first + count)
    ]
    async with store.transaction(UNRESTRICTED) as unit:
        return await unit.write(changes)


async def test_what_is_new_is_counted_alone(store: ResourceStore, relayed: Relay) -> None:
    await created(store, 400)
    await settled(store)
    connection = await store.connection()
    for search in ("", "code=a", "code=a,b"):
        one = Counted(search)
        read = await one.read(store)
        total = await one.check(connection)
        assert read >= total, "nothing is known yet"
        assert await one.read(store) < 40
    await created(store, 10, 400)
    assert await one.check(connection) > total
    assert await one.read(store) < 60
    connection.close()


@pytest.fixture
async def counted(store: ResourceStore, relayed: Relay) -> AsyncIterator[Callable[[], Awaitable[tuple[int, bool]]]]:
    """The total of a code, of 200 resources and more, and whether all of them were read for it."""
    await created(store, 200)
    await settled(store)
    connection = await store.connection()
    one = Counted("code=a")
    await one.check(connection)

    async def count() -> tuple[int, bool]:
        read = await one.read(store)
        total = await one.check(connection)
        return total, read >= total

    assert not (await count())[1]
    yield count
    connection.close()


async def test_an_older_one_that_changes_has_all_counted(
    store: ResourceStore, counted: Callable[[], Awaitable[tuple[int, bool]]]
) -> None:
    total, _ = await counted()
    previous = await store.read(UNRESTRICTED, "Observation", "c1")
    assert previous is not None
    fresh = resource("c1", random.Random(0)) | {"code": {"coding": [{"system": "http://codes", "code": "z"}]}}
    previous = await store.write(Change("Observation", "c1", "PUT", fresh, previous))
    again, whole = await counted()
    assert whole
    assert total - again in (0, 1)
    await store.write(Change("Observation", "c1", "DELETE", None, previous))
    assert (await counted())[1]
    assert not (await counted())[1]


async def test_rows_that_come_and_go_without_a_version(
    store: ResourceStore, counted: Callable[[], Awaitable[tuple[int, bool]]], database: str
) -> None:
    """$reindex and $expunge."""
    total, _ = await counted()
    previous = await store.read(UNRESTRICTED, "Observation", "c7")
    assert previous is not None
    gone = await store.write(Change("Observation", "c7", "DELETE", None, previous))
    await counted()
    await settled(store)
    assert not (await counted())[1]
    async with store.transaction(UNRESTRICTED) as unit:
        await remove(unit, [gone.rid], integrity=True)
    assert (await counted())[1]
    assert not (await counted())[1]
    with psycopg.connect(database) as connection:  # rows as other code would have left them
        lost = connection.execute("delete from token where low is not null and rid % 2 = 0").rowcount
    assert lost
    part = Part("Observation", 0, 2**62, store.now(), 1000)
    done = await mended(store, part, None, lambda done: Statement("select 1"))
    assert done.differing
    again, whole = await counted()
    assert whole
    assert total - again in (0, 1)


async def test_a_crash_has_all_counted(counted: Callable[[], Awaitable[tuple[int, bool]]], database: str) -> None:
    """What it undoes may have been counted: PostgreSQL empties a table that is not logged."""
    with psycopg.connect(database) as connection:
        persistence = connection.execute("select relpersistence from pg_class where relname = 'outbox_passed'")
        assert persistence.fetchone() == ("u",)
        connection.execute("truncate outbox_passed")
    for _ in range(2):
        assert (await counted())[1]


async def test_in_answers(store: ResourceStore, relayed: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a page and without, the first time and again."""
    monkeypatch.setattr(interaction, "WORTH", 1)
    world = World(store)
    await created(store, 100)
    for turn in range(4):
        expected = await world.ids("Observation?code=a&_count=1000")
        for url in ("Observation?code=a&_summary=count", "Observation?code=a&_total=accurate&_sort=-date&_count=3"):
            bundle = await world.bundle(url)
            assert bundle["total"] == len(expected)
        assert len(bundle["entry"]) == 3
        await created(store, 10, 100 + 10 * turn)


@pytest.mark.parametrize(
    "search",
    [
        "patient=p", "patient=p&code=a", "patient.name=silva", "_has:Provenance:target:_id=1", "_list=1",
        "code:missing=true", "identifier=a|b", "_id=n1", "_content=word",
    ],
)  # fmt: skip
def test_not_kept(search: str) -> None:
    """What is found by one key, or depends on other resources than those that are counted."""
    query = parse_query("Observation", [*parse_qsl(search), ("_summary", "count")], full_text=True)
    assert not keepable(query, UNRESTRICTED)


@pytest.mark.parametrize(
    ("scope", "whether"),
    [
        ("system/*.rs", True),
        ("system/Observation.rs", True),
        ("system/Observation.rs?category=x", False),
        ("patient/Observation.rs", False),
    ],
)
def test_kept_for_who_sees_all_of_the_type(scope: str, whether: bool) -> None:
    access = Access("s", unrestricted=False, scopes=parse(scope, known).resources, patient="1").using("s")
    assert keepable(asked("code=a"), access) is whether
