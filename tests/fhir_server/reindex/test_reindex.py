"""$reindex: what is missing comes, what is too much goes, what is done is right, and nothing else is said."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from fhir_server.index_tables import COLUMNS
from fhir_server.reindex import chunk
from fhir_server.reindex import run as runs
from fhir_server.reindex.goal import STORED
from fhir_server.reindex.run import IncompleteIndex, run_reindex
from tests.fhir_server.conftest import BASE
from tests.fhir_server.reindex.conftest import FHIR, Own, parameter

PATIENT = {
    "resourceType": "Patient", "name": [{"family": "Silva", "given": ["Ana"]}], "birthDate": "1980-02-29",
    "gender": "female", "identifier": [{"system": "http://example.org", "value": "1", "type": {"text": "MR"}}],
}  # fmt: skip
OBSERVATION = {
    "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"},
    "code": {"text": "Pulse", "coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "effectiveDateTime": "2024-01-01", "valueQuantity": {"value": 72.50, "unit": "/min"},
    "component": [{"code": {"coding": [{"code": "x"}]}, "valueQuantity": {"value": 1}}],
}  # fmt: skip


def rows(own: Own) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(own.sql(f"select {', '.join(columns)} from {table}"), key=repr)
            for table, columns in COLUMNS.items()}  # fmt: skip


async def fill(own: Own, count: int = 5) -> None:
    await own.put({**PATIENT, "id": "p"})
    for number in range(count):
        await own.put({**OBSERVATION, "id": f"o{number}"})


async def reindex(own: Own, path: str, **parameters: str) -> dict[str, Any]:
    """The counts told for each type."""
    body = {"resourceType": "Parameters", "parameter": [
        {"name": name, "valueUri": value} for name, value in parameters.items()]}  # fmt: skip
    answer = await own.client.post(path, json=body if parameters else None, headers=FHIR if parameters else {})
    assert answer.status_code == 202, answer.text
    status = answer.headers["content-location"]
    waiting = await own.client.get(status)
    assert (waiting.status_code, waiting.headers["x-progress"]) == (202, "waiting for its turn")
    assert await own.work()
    told = await own.client.get(status)
    assert told.status_code == 200, told.text
    found = {}
    for one in told.json()["parameter"]:
        if one["name"] == "type":
            part = {each["name"]: each for each in one["part"]}
            found[part["code"]["valueCode"]] = tuple(
                part[name]["valueDecimal"] for name in ("resources", "rowsAdded", "rowsRemoved")
            )
    return found


async def test_a_healthy_index_is_left_alone(own: Own) -> None:
    await fill(own)
    before = rows(own)
    assert await reindex(own, "$reindex") == {"Observation": (5, 0, 0), "Patient": (1, 0, 0)}
    assert rows(own) == before


async def test_missing_foreign_and_double_rows_are_mended(own: Own) -> None:
    await fill(own)
    before = rows(own)
    for table in COLUMNS:
        own.sql(f"insert into {table} select * from {table}")
    [(rid,)] = own.sql("select rid from resource where fhir_id = 'o1'")
    own.sql("delete from token where rid = %s", rid)
    own.sql("delete from composite where rid = %s", rid)
    own.sql("insert into date (param_id, low, high, rid) values (1, 1, 2, %s)", rid)
    own.sql("update quantity set low = low + 1 where rid = %s", rid)
    found = await reindex(own, "Observation/$reindex")
    assert found["Observation"][0] == 5
    assert {table: set(held) for table, held in rows(own).items()} == {t: set(held) for t, held in before.items()}
    await reindex(own, "$reindex")
    assert rows(own) == before


async def test_only_the_rows_of_one_parameter(own: Own) -> None:
    await fill(own, 2)
    before = rows(own)
    own.sql("delete from string")
    url = "http://hl7.org/fhir/SearchParameter/individual-family"
    counts = await reindex(own, "$reindex", parameter=url)
    assert counts["Patient"][1:] == (1, 0)
    assert 0 < len(rows(own)["string"]) < len(before["string"])
    answer = await own.client.post("$reindex?parameter=http://example.org/none")
    assert answer.status_code == 404
    answer = await own.client.post("$reindex?parameter=http://hl7.org/fhir/SearchParameter/Resource-id")
    assert answer.status_code == 400


async def test_a_custom_parameter_is_compared_too(own: Own) -> None:
    await fill(own, 2)
    await own.put(parameter("first", "string", "Patient", "Patient.name.given"))
    await own.work()
    before = rows(own)
    [(rid,)] = own.sql("select rid from resource where fhir_id = 'p'")
    own.sql("delete from string where rid = %s", rid)
    assert await own.ids("Patient?first=Ana") == []
    assert (await reindex(own, "SearchParameter/first/$reindex"))["Patient"] == (1, 1, 0)
    assert await own.ids("Patient?first=Ana") == ["p"]
    await reindex(own, "Patient/$reindex")
    assert rows(own) == before
    await own.put({**parameter("first", "string", "Patient", "Patient.name.given"), "status": "draft"})
    assert (await own.client.post("SearchParameter/first/$reindex")).status_code == 422
    assert (await own.client.post("SearchParameter/none/$reindex")).status_code == 404


async def test_it_goes_on_where_it_was_broken_off(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    await own.put(PATIENT | {"id": "p"})
    for number in range(25):
        await own.put({**OBSERVATION, "id": f"o{number}"})
    await own.put(parameter("status-again", "token", "Observation,Patient", "Observation.status | Patient.gender"))
    monkeypatch.setattr(runs, "FIRST_ROWS", 10)
    seen: list[tuple[int, int]] = []

    class Killed(BaseException):
        pass

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 20:
            raise Killed

    with pytest.raises(Killed):
        await asyncio.to_thread(run_reindex, own.database, BASE, "a run", STORED, progress)
    assert "is being indexed" in await own.refused("Observation?status-again=final")
    again: list[int] = []
    outcome = await asyncio.to_thread(
        run_reindex, own.database, BASE, "a run", STORED, lambda done, total: again.append(done)
    )
    assert min(done for done in again if done) > 20 - 1
    assert {name: found.resources for name, found in outcome.types.items()} == {"Observation": 25, "Patient": 1}
    assert len(await own.ids("Observation?status-again=final&_count=100")) == 25
    assert own.sql("select * from reindex_run") == []


async def test_it_says_failed_when_resources_were_not_reached(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(own, 3)
    own.sql("update resource set last_updated = 1")
    monkeypatch.setattr(runs, "mended", skipping(runs.mended))
    with pytest.raises(IncompleteIndex, match="not reached"):
        await asyncio.to_thread(run_reindex, own.database, BASE, "r", {"types": ["Observation"]}, lambda *_: None)


def skipping(real: Any) -> Any:
    """As if the loop over resources had a fault: it never sees the first ones."""

    async def mended(store: Any, part: Any, *more: Any) -> Any:
        import dataclasses

        return await real(store, dataclasses.replace(part, after=max(part.after, await first(store))), *more)

    async def first(store: Any) -> int:
        from fhir_server.statement import Statement

        [(rid,)] = await store.select(Statement("select min(rid) from resource where type_id = 96"))
        return int.from_bytes(rid or b"", "big")

    return mended


async def test_writers_and_a_reindex_at_the_same_time(own: Own) -> None:
    """Patients change all the time while all rows are broken and mended: afterwards every row is right."""
    for number in range(40):
        await own.put({**PATIENT, "id": f"p{number}"})
    own.sql("delete from token")
    own.sql("delete from string where rid %% 2 = 0")
    over = threading.Event()

    async def write(start: int) -> None:
        number = start
        while not over.is_set():
            number += 1
            changed = {**PATIENT, "id": f"p{number % 40}", "gender": ("male", "female")[number // 40 % 2]}
            await own.put(changed)

    writers = [asyncio.create_task(write(start)) for start in (0, 13, 27)]
    try:
        await asyncio.sleep(0.2)
        for _ in range(3):
            await asyncio.to_thread(run_reindex, own.database, BASE, "r", {"types": []}, lambda *_: None)
    finally:
        over.set()
        await asyncio.gather(*writers)
    after = rows(own)
    outcome = await asyncio.to_thread(run_reindex, own.database, BASE, "r", {"types": []}, lambda *_: None)
    assert [(one.added, one.removed) for one in outcome.types.values()] == [(0, 0)]
    assert rows(own) == after
    assert len(await own.ids("Patient?gender=male,female&_count=100")) == 40


async def test_what_changes_whenever_it_is_looked_at_is_mended(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen for the second time it is held: whoever changes it then waits."""
    await own.put({**PATIENT, "id": "p"})
    before = rows(own)
    own.sql("delete from token")
    looks: list[Future[object]] = []
    here = asyncio.get_running_loop()

    async def changing(*given: Any) -> Any:
        found = await real(*given)
        changed = {**PATIENT, "id": "p", "multipleBirthInteger": len(looks)}
        looks.append(asyncio.run_coroutine_threadsafe(own.put(changed), here))
        await asyncio.wait([asyncio.wrap_future(looks[-1])], timeout=0.5)
        return found

    real = chunk.differences
    monkeypatch.setattr(chunk, "differences", changing)
    await asyncio.to_thread(run_reindex, own.database, BASE, "r", {"types": ["Patient"]}, lambda *_: None)
    await asyncio.gather(*map(asyncio.wrap_future, looks))
    assert len(looks) >= 2
    assert rows(own)["token"] == before["token"]


def test_two_never_run_at_a_time(database: str) -> None:
    import psycopg

    from fhir_server.job_work import LOCKS
    from fhir_server.jobs import REINDEX
    from hub.reindex import _alone

    said: list[str] = []
    with psycopg.connect(database, autocommit=True) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("select pg_advisory_lock(%s, hashtext(%s))", [LOCKS, REINDEX])

        def enter() -> bool:
            with _alone(database, said.append):
                return True

        waiting = pool.submit(enter)
        assert not waiting.done()
        holder.execute("select pg_advisory_unlock_all()")
        assert waiting.result(30)
