"""A record with data is encrypted, by newer keys, and decrypted, while it is read and written, and after crashes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.encryption import keys, run
from fhir_server.store import ResourceStore
from fhir_server.unit import Unit
from tests.fhir_server.conftest import BASE, serving
from tests.fhir_server.encryption.conftest import CNS, CPF, traces
from tests.fhir_server.encryption.test_record import CARD, OTHER, VALUE, created, found, identifier, patient


def quiet(what: str, done: int, total: int) -> None:
    """Nobody looks at the progress."""


async def apply(conninfo: str, progress: run.Progress = quiet) -> run.Applied:
    return await asyncio.to_thread(run.apply, conninfo, BASE, progress)


def begin(given: keys.Given) -> None:
    keys.begin(given)
    with psycopg.connect(given.conninfo, autocommit=True) as connection:
        keys.establish(connection)


async def filled(client: httpx2.AsyncClient) -> list[str]:
    ids = [await created(client, patient(VALUE)), await created(client, patient(OTHER))]
    changed = {**patient(VALUE), "id": ids[0], "active": False}
    assert (await client.put(f"Patient/{ids[0]}", json=changed)).status_code == 200
    await created(client, {"resourceType": "Observation", "status": "final", "code": {"text": "weight"},
                           "subject": {"identifier": identifier(VALUE)}})  # fmt: skip
    await created(client, {"resourceType": "Organization", "name": "Clinic"})
    return ids


async def answers(client: httpx2.AsyncClient, ids: list[str]) -> None:
    assert await found(client, "Patient", identifier=f"{CPF}|{VALUE}") == {ids[0]}
    assert await found(client, "Patient", identifier=OTHER) == {ids[1]}
    assert await found(client, "Patient", **{"identifier:of-type": f"urn:types|TAX|{VALUE}"}) == {ids[0]}
    assert len(await found(client, "Observation", **{"subject:identifier": f"{CPF}|{VALUE}"})) == 1
    assert (await client.get(f"Patient/{ids[0]}/_history/1")).json()["identifier"] == [identifier(VALUE)]
    answer = await client.post("Patient", json=patient(VALUE), headers={"If-None-Exist": f"identifier={CPF}|{VALUE}"})
    assert answer.status_code == 200


async def test_a_record_that_has_data(database: str, wrapping: bytes) -> None:
    async with serving(database) as client:
        ids = await filled(client)
        assert "public.resource" in traces(database, VALUE, OTHER)
        begin(keys.Given(database, (wrapping,), frozenset((CPF,))))
        await answers(client, ids)
        done = await apply(database)
        assert done.rewritten == 4
        assert done.types == ("Observation", "Patient")
        assert traces(database, VALUE, OTHER) == []
        await answers(client, ids)
        assert (await apply(database)).rewritten == 0


async def test_another_system_is_named_and_one_no_longer(database: str, wrapping: bytes) -> None:
    async with serving(database) as client:
        begin(keys.Given(database, (wrapping,), frozenset((CPF,))))
        ids = await filled(client)
        both = await created(client, patient(CARD, identifier=[identifier(CARD, CNS), identifier("39053344705")]))
        begin(keys.Given(database, (wrapping,), frozenset((CPF, CNS))))
        assert await found(client, "Patient", identifier=f"{CNS}|{CARD}") == {both}
        await apply(database)
        assert traces(database, VALUE, OTHER, CARD, "39053344705") == []
        assert await found(client, "Patient", identifier=f"{CNS}|{CARD}") == {both}
        begin(keys.Given(database, (wrapping,), frozenset((CNS,))))
        await apply(database)
        assert traces(database, CARD) == []
        assert "public.resource" in traces(database, VALUE)
        await answers(client, ids)


async def test_keys_are_rotated_under_load(given: keys.Given) -> None:
    async with serving(given.conninfo) as client:
        ids = await filled(client)
        ended, failed, counted = asyncio.Event(), [], 0

        async def load() -> None:
            nonlocal counted
            while not ended.is_set():
                counted += 1
                if await found(client, "Patient", identifier=f"{CPF}|{VALUE}") != {ids[0]}:
                    failed.append("a search found nothing")
                changed = {**patient(OTHER), "id": ids[1], "multipleBirthInteger": counted}
                answer = await client.put(f"Patient/{ids[1]}", json=changed)
                if answer.status_code != 200:
                    failed.append(answer.text)

        at_work = asyncio.create_task(load())
        for _ in range(2):
            with psycopg.connect(given.conninfo, autocommit=True) as connection:
                new = run.rotate(connection, [keys.DATA, keys.INDEX])
            await asyncio.sleep(0.1)
            await apply(given.conninfo)
        ended.set()
        await at_work
        assert failed == []
        assert counted > 5
        await answers(client, ids)
        with psycopg.connect(given.conninfo, autocommit=True) as connection:
            told = run.status(connection)
        assert set(told["bodies"]) == {new[0]}
        assert [id for id, purpose, _, _, retired in told["keys"] if purpose == keys.INDEX and not retired] == [new[1]]
        assert traces(given.conninfo, VALUE, OTHER) == []


class Held:
    """Holds up the first call of a method of a class, until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        real = getattr(owner, name)

        async def held(one: Any, *given: Any) -> Any:
            if not self.reached.is_set():
                self.reached.set()
                await self.go.wait()
            return await real(one, *given)

        monkeypatch.setattr(owner, name, held)


def rotate(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        run.rotate(connection, [keys.DATA, keys.INDEX])


Request = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


ASKED = f"identifier={CPF}|{VALUE}"


@pytest.mark.parametrize(
    ("owner", "request_"),
    [
        (ResourceStore, lambda client: client.get(f"Patient?{ASKED}")),
        (Unit, lambda client: client.post("Patient", json=patient(VALUE), headers={"If-None-Exist": ASKED})),
        (Unit, lambda client: client.put(f"Patient?{ASKED}", json=patient(VALUE, gender="female"))),
    ],
    ids=["search", "create", "update"],
)
async def test_what_was_asked_by_older_codes_is_asked_again(
    given: keys.Given, monkeypatch: pytest.MonkeyPatch, owner: type, request_: Request
) -> None:
    """As where a request waits behind long ones for a connection, while all rows come to newer codes."""
    async with serving(given.conninfo) as client:
        ids = await filled(client)
        held = Held(monkeypatch, owner, "select")
        asking = asyncio.create_task(request_(client))
        await held.reached.wait()
        rotate(given.conninfo)
        await apply(given.conninfo)
        held.go.set()
        answer = await asking
        assert answer.status_code == 200, answer.text
        assert await found(client, "Patient", identifier=f"{CPF}|{VALUE}") == {ids[0]}
        told = answer.json()
        assert (told["entry"][0]["resource"] if "entry" in told else told)["id"] == ids[0]


async def test_what_was_written_by_older_codes_and_is_not_committed_yet_is_waited_for(
    given: keys.Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(given.conninfo) as client:
        held = Held(monkeypatch, Unit, "finish")
        creating = asyncio.create_task(client.post("Patient", json=patient(VALUE), headers={"If-None-Exist": ASKED}))
        await held.reached.wait()
        rotate(given.conninfo)
        applying = asyncio.create_task(apply(given.conninfo))
        await asyncio.wait([applying], timeout=1)
        held.go.set()
        created_now = await creating
        await applying
        assert await found(client, "Patient", identifier=f"{CPF}|{VALUE}") == {created_now.json()["id"]}


async def test_keys_are_wrapped_anew(given: keys.Given) -> None:
    newer = secrets.token_bytes(32)
    async with serving(given.conninfo) as client:
        ids = await filled(client)
        keys.begin(keys.Given(given.conninfo, (newer,), given.systems))
        with pytest.raises(keys.KeyMissing, match="HUB_ENCRYPTION_KEY"):
            keys.current()
        begin(keys.Given(given.conninfo, (newer, *given.wrapping), given.systems))
        with psycopg.connect(given.conninfo, autocommit=True) as connection:
            assert run.rewrap(connection) == 2
            assert run.rewrap(connection) == 0
        begin(keys.Given(given.conninfo, (newer,), given.systems))
        await answers(client, ids)


async def test_it_goes_on_where_it_was_broken_off(
    database: str, wrapping: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK", 3)

    class Killed(Exception):
        pass

    async with serving(database) as client:
        ids = await filled(client)
        for number in range(20):
            await created(client, patient(f"390533447{number:02d}"))
        begin(keys.Given(database, (wrapping,), frozenset((CPF,))))
        seen: list[tuple[str, int]] = []

        def stop(what: str, done: int, total: int) -> None:
            seen.append((what, done))
            if len(seen) % 4 == 0:
                raise Killed

        for _ in range(30):
            try:
                await apply(database, stop)
                break
            except Killed:
                await answers(client, ids)
        assert seen[3] == (run.CURRENT, 12)
        assert seen[4] == (run.CURRENT, 15)
        assert traces(database, VALUE, OTHER, *(f"390533447{number:02d}" for number in range(20))) == []
        await answers(client, ids)


async def test_a_damaged_body_is_an_error_without_content(given: keys.Given) -> None:
    told: list[dict[str, Any]] = []
    async with serving(given.conninfo, log=told.append) as client:
        id = await created(client, patient(VALUE))
        with psycopg.connect(given.conninfo, autocommit=True) as connection:
            connection.execute("update resource set body = set_byte(body, 30, get_byte(body, 30) # 1)")
        answer = await client.get(f"Patient/{id}")
        assert answer.status_code == 500
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "Silva" not in answer.text
        assert [one["error"] for one in told if one.get("message") == "fault"] == ["CannotOpen"]
        assert VALUE not in str(told)


def test_keys_are_made_once(given: keys.Given) -> None:
    with psycopg.connect(given.conninfo, autocommit=True) as connection:
        keys.establish(connection)
        assert [key[:2] for key in run.status(connection)["keys"]] == [(1, keys.DATA), (2, keys.INDEX)]


def test_a_key_that_cannot_be_had_is_told_at_once(given: keys.Given) -> None:
    rows = [("data", "1", "00", "another", "false")]
    assert keys.current() is not None
    keys.learned([[one.encode() for one in row] for row in rows], "another database")
    assert keys.current() is not None
    keys.learned([[b"index", b"9", b"00", b"another", b"false"]], given.conninfo)
    with pytest.raises(keys.KeyMissing, match="another"):
        keys.current()
    with psycopg.connect(given.conninfo, autocommit=True) as connection:
        found = connection.execute(keys._KEYS).fetchall()
    keys.learned([[str(one).encode() for one in row] for row in found], given.conninfo)
    assert keys.current() is not None


def test_a_new_key_is_wrapped_so_that_processes_under_way_can_open_it(given: keys.Given) -> None:
    begin(keys.Given(given.conninfo, (secrets.token_bytes(32), *given.wrapping), given.systems))
    with psycopg.connect(given.conninfo, autocommit=True) as connection:
        run.rotate(connection, [keys.DATA])
        by = [key[2] for key in run.status(connection)["keys"]]
    assert set(by) == {keys.name_of(given.wrapping[0])}
