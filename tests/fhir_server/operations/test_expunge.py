"""$expunge: what is removed, what stays, who may, and what other processes still believe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.dispatch import Settings
from fhir_server.exchange import FhirRequest
from fhir_server.index_tables import COLUMNS
from mappings.r4 import serialize
from smart_auth.scopes import Access
from tests.fhir_server.conftest import serving

FHIR = {"content-type": "application/fhir+json"}
ALLOWED = Settings(expunge=True)
EVERYTHING, DELETED, VERSIONS = "expungeEverything", "expungeDeletedResources", "expungePreviousVersions"


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database, ALLOWED) as client:
        yield client


def patient(id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": "x"}], "birthDate": "1970-01-01", **more}


def observation(id: str, of: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
            "subject": {"reference": f"Patient/{of}"}, "effectiveDateTime": "2020-01-01",
            "valueQuantity": {"value": 1, "unit": "kg"}}  # fmt: skip


async def put(client: httpx2.AsyncClient, *resources: dict[str, Any], status: int = 201) -> None:
    for one in resources:
        answer = await client.put(f"{one['resourceType']}/{one['id']}", content=serialize(one), headers=FHIR)
        assert answer.status_code == status, answer.text


async def expunge(client: httpx2.AsyncClient, path: str, *switches: str, **more: int) -> httpx2.Response:
    parameter: list[dict[str, Any]] = [{"name": name, "valueBoolean": True} for name in switches]
    parameter += [{"name": name, "valueInteger": value} for name, value in more.items()]
    return await client.post(
        f"{path}$expunge", json={"resourceType": "Parameters", "parameter": parameter}, headers=FHIR
    )


async def counted(client: httpx2.AsyncClient, path: str, *switches: str, **more: int) -> tuple[int, int]:
    """Resources and versions removed."""
    answer = await expunge(client, path, *switches, **more)
    assert answer.status_code == 200, answer.text
    counts = {one["name"]: one["valueInteger"] for one in answer.json()["parameter"]}
    return counts["resources"], counts["versions"]


def rows(url: str) -> dict[str, int]:
    """Rows of each table that holds anything of the record."""
    with psycopg.connect(url) as connection:
        tables = ("resource", "resource_version", "outbox", *COLUMNS)
        counts = {table: connection.execute(f"select count(*) from {table}").fetchone() for table in tables}
    return {table: found[0] for table, found in counts.items() if found and found[0]}


async def history(client: httpx2.AsyncClient, path: str) -> list[str]:
    answer = await client.get(f"{path}/_history")
    return [entry["response"]["etag"] for entry in answer.json().get("entry", ())] if answer.status_code == 200 else []


async def test_previous_versions(client: httpx2.AsyncClient) -> None:
    await put(client, patient("1"))
    await put(client, patient("1", active=True), patient("1", active=False), status=200)
    await put(client, patient("2"))
    await put(client, patient("2", active=True), status=200)
    assert await counted(client, "Patient/1/", DELETED) == (0, 0)
    assert await counted(client, "Patient/1/", VERSIONS, limit=1) == (0, 1)
    assert await history(client, "Patient/1") == ['W/"3"', 'W/"2"']
    assert await counted(client, "Patient/1/", VERSIONS) == (0, 1)
    assert await history(client, "Patient/1") == ['W/"3"']
    assert (await client.get("Patient/1/_history/1")).status_code == 404
    assert (await client.get("Patient/1")).json()["active"] is False
    assert await history(client, "Patient/2") == ['W/"2"', 'W/"1"']
    await put(client, patient("1", active=True), status=200)
    assert await history(client, "Patient/1") == ['W/"4"', 'W/"3"']
    assert await counted(client, "Patient/", VERSIONS) == (0, 2)
    assert await counted(client, "", VERSIONS, DELETED) == (0, 0)


async def test_whole_resources_leave_nothing(client: httpx2.AsyncClient, database: str) -> None:
    await put(client, patient("1"), observation("o", "1"))
    await put(client, observation("o", "1") | {"status": "amended"}, status=200)
    refused = await expunge(client, "Patient/1/", EVERYTHING)
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (409, "conflict")
    assert (await client.get("Patient/1")).status_code == 200
    assert await counted(client, "Observation/o/", EVERYTHING) == (1, 2)
    assert (await client.get("Observation/o")).status_code == 404
    assert await history(client, "Observation/o") == []
    assert await counted(client, "Patient/1/", EVERYTHING) == (1, 1)
    assert rows(database) == {}
    await put(client, patient("1"))
    assert (await client.get("Patient/1")).headers["etag"] == 'W/"1"'


async def test_deleted_resources(client: httpx2.AsyncClient, database: str) -> None:
    await put(client, patient("1"), patient("2"), patient("3"), observation("o", "3"))
    for path in ("Patient/1", "Patient/2", "Observation/o"):
        await client.delete(path)
    assert await counted(client, "Patient/", DELETED, limit=1) == (1, 2)
    assert await counted(client, "Patient/", DELETED) == (1, 2)
    assert (await client.get("Patient/2")).status_code == 404
    assert (await client.get("Observation/o")).status_code == 410
    assert await counted(client, "Patient/3/", DELETED) == (0, 0)
    assert await counted(client, "", DELETED, VERSIONS) == (1, 2)
    assert await counted(client, "", DELETED, VERSIONS) == (0, 0)
    assert rows(database)["resource"] == 1


async def test_the_other_process_knows_an_old_key(database: str) -> None:
    """One process removes and recreates what another has in its cache of keys."""
    async with serving(database, ALLOWED) as one, serving(database, ALLOWED) as other:

        async def anew(number: int) -> None:
            await put(one, patient("1"))
            await put(other, observation(f"known-{number}", "1"))
            assert await counted(one, f"Observation/known-{number}/", EVERYTHING) == (1, 1)
            assert await counted(one, "Patient/1/", EVERYTHING) == (1, 1)

        await anew(1)
        refused = await other.put("Observation/a", content=serialize(observation("a", "1")), headers=FHIR)
        assert refused.status_code == 422
        await anew(2)
        await put(one, patient("1"))
        await put(other, observation("a", "1"))
        assert await counted(one, "Observation/a/", EVERYTHING) == (1, 1)
        assert await counted(one, "Patient/1/", EVERYTHING) == (1, 1)
        await anew(3)
        await put(one, patient("1"))
        request = {"method": "PUT", "url": "Observation/b"}
        bundle = {"resourceType": "Bundle", "type": "transaction",
                  "entry": [{"resource": observation("b", "1"), "request": request}]}  # fmt: skip
        assert (await other.post("", content=serialize(bundle), headers=FHIR)).status_code == 200
        found = (await one.get("Observation?patient=1")).json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["b"]


async def test_without_integrity_a_key_stays(database: str) -> None:
    async with serving(database, ALLOWED, integrity=False) as client:
        await put(client, patient("1"), observation("o", "1"))
        assert await counted(client, "Patient/1/", EVERYTHING) == (1, 1)
        assert (await client.get("Patient/1")).status_code == 404
        assert await history(client, "Patient/1") == []
        assert (await expunge(client, "Patient/1/", EVERYTHING)).status_code == 404
        assert "entry" not in (await client.get("Patient")).json()
        await put(client, patient("1"))
        assert (await client.get("Patient/1")).headers["etag"] == 'W/"1"'
        found = (await client.get("Observation?patient.family=x")).json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["o"]


async def test_refusals(client: httpx2.AsyncClient) -> None:
    await put(client, patient("1"))
    assert (await expunge(client, "Patient/1/")).status_code == 400
    assert (await expunge(client, "Patient/", EVERYTHING)).status_code == 400
    assert (await expunge(client, "", EVERYTHING)).status_code == 400
    assert (await expunge(client, "Patient/1/", VERSIONS, limit=0)).status_code == 400
    assert (await expunge(client, "Patient/1/", "everything")).status_code == 400
    assert (await expunge(client, "Patient/9/", EVERYTHING)).status_code == 404
    assert (await client.get("Patient/1/$expunge?expungeEverything=true")).status_code == 405
    moved = await client.post("Patient/1/$expunge?expungeEverything=true", headers={"if-match": 'W/"9"'})
    assert moved.status_code == 412
    assert (await client.get("Patient/1")).status_code == 200


async def test_the_right_and_the_switch(database: str) -> None:
    async with serving(database) as off:
        await put(off, patient("1"))
        assert (await expunge(off, "Patient/1/", EVERYTHING)).status_code == 404
        assert "expunge" not in (await off.get("metadata")).text

    async def reader(request: FhirRequest) -> Access:
        return Access("somebody", unrestricted=True)

    async with serving(database, ALLOWED, access=reader) as without:
        assert (await expunge(without, "Patient/1/", EVERYTHING)).status_code == 403
        assert (await without.get("Patient/1")).status_code == 200
    async with serving(database, ALLOWED) as on:
        rest = (await on.get("metadata")).json()["rest"][0]
        assert "expunge" in [operation["name"] for operation in rest["operation"]]
        assert all("expunge" in [one["name"] for one in resource["operation"]] for resource in rest["resource"])


async def test_against_writers(database: str) -> None:
    """Whoever is first wins: a reference never points to what is gone."""
    async with serving(database, ALLOWED) as one, serving(database, ALLOWED) as other:
        outcomes = set()
        for number in range(12):
            await put(one, patient(f"p{number}"))
            written, removed = await asyncio.gather(
                other.put(
                    f"Observation/o{number}", content=serialize(observation(f"o{number}", f"p{number}")), headers=FHIR
                ),
                expunge(one, f"Patient/p{number}/", EVERYTHING),
            )
            outcomes.add((written.status_code, removed.status_code))
        assert outcomes <= {(201, 409), (422, 200)}
        with psycopg.connect(database) as connection:
            dangling = (
                "select count(*) from reference f where not exists (select from resource r where r.rid = f.target_rid)"
            )
            assert connection.execute(dangling).fetchone() == (0,)
