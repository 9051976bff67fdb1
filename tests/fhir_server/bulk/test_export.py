"""$export as clients see it. Numbers in names are requirements of the Inferno bulk data test kit (Bulk Data 2.0.0)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from smart_auth.scopes import Access, Scope, access_text
from tests.fhir_server.bulk.conftest import DAY, RESOURCES, Bulk, now
from tests.fhir_server.conftest import BASE

ALL = {f"{one['resourceType']}/{one['id']}" for one in RESOURCES}
OF_A = {"Patient/a", "Observation/a1", "Observation/a2", "Device/d", "Provenance/pa", "Group/g"}
OF_PATIENTS = ALL - {"Organization/o", "Provenance/po"}
OBSERVATIONS = {"Observation/a1", "Observation/a2", "Observation/b1"}
FHIR = {"content-type": "application/fhir+json"}


def parameters(*pairs: tuple[str, str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": name, kind: value} for name, kind, value in pairs]}


async def test_way_of_an_export_150_155_159_164_191_204_206_207_208_299_300_301(bulk: Bulk) -> None:
    status = await bulk.kick_off("$export?_type=Patient,Observation")
    assert status.startswith(f"{BASE}/_jobs/")
    waiting = await bulk.client.get(status)
    assert waiting.status_code == 202
    assert waiting.headers["x-progress"]
    assert int(waiting.headers["retry-after"]) >= 1
    assert await bulk.work()
    done = await bulk.client.get(status)
    assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
    assert done.headers["expires"].endswith("GMT")
    manifest = done.json()
    assert manifest["request"] == f"{BASE}/$export?_type=Patient%2CObservation"
    assert manifest["requiresAccessToken"] is False
    assert (manifest["error"], manifest["deleted"]) == ([], [])
    assert datetime.fromisoformat(manifest["transactionTime"])
    assert {item["type"]: item["count"] for item in manifest["output"]} == {"Patient": 3, "Observation": 3}
    for item in manifest["output"]:
        lines = await bulk.lines(item)
        assert {one["resourceType"] for one in lines} == {item["type"]}
        for one in lines:
            stored = (await bulk.client.get(f"{item['type']}/{one['id']}")).json()
            assert one == stored


async def test_delete_cancels_and_removes_122_305_306(bulk: Bulk) -> None:
    waiting, finished = await bulk.kick_off("$export"), await bulk.kick_off("$export")
    assert (await bulk.client.delete(waiting)).status_code == 202
    assert await bulk.work()
    manifest = (await bulk.client.get(finished)).json()
    assert (await bulk.client.delete(finished)).status_code == 202
    for url in (waiting, finished, manifest["output"][0]["url"]):
        gone = await bulk.client.get(url)
        assert (gone.status_code, gone.json()["resourceType"]) == (404, "OperationOutcome")
    assert (await bulk.client.delete(finished)).status_code == 404
    assert not await bulk.work()
    assert list(bulk.files.iterdir()) == []


async def test_files_expire(bulk: Bulk) -> None:
    await bulk.manifest("$export")
    assert len(list(bulk.files.iterdir())) == 1
    assert not await bulk.work(lambda: now() + DAY + 1_000_000)
    assert list(bulk.files.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$export", ALL),
        ("$export?_type=Patient&_type=Group", {"Patient/a", "Patient/b", "Patient/c", "Group/g"}),
        ("$export?_outputFormat=ndjson&_type=Device", {"Device/d"}),
        ("$export?_outputFormat=application/fhir%2Bndjson&_type=Device", {"Device/d"}),
        ("$export?_outputFormat=application/fhir+ndjson&_type=Device", {"Device/d"}),
        ("$export?_type=Observation&_since=2001-01-01T00:00:00Z", OBSERVATIONS),
        ("$export?_since=2999-01-01T00:00:00Z", set()),
        ("$export?_until=2001-01-01T00:00:00Z", set()),
        ("$export?_until=2999-01-01T00:00:00Z", ALL),
        (
            f"$export?_type=Observation&_typeFilter={quote('Observation?code=8867-4')}",
            {"Observation/a1", "Observation/b1"},
        ),
        (
            f"$export?_type=Observation&_typeFilter={quote('Observation?code=8867-4&subject=Patient/b')}",
            {"Observation/b1"},
        ),
        (
            f"$export?_type=Observation&_typeFilter={quote('Observation?code=8310-5,Observation?subject=Patient/b')}",
            {"Observation/a2", "Observation/b1"},
        ),
        (
            f"$export?_type=Observation&_typeFilter={quote('Observation?code=8310-5%2C1')}",
            {"Observation/a2"},
        ),
        (
            f"$export?_type=Observation,Patient&_typeFilter={quote('Observation?code=8310-5')}",
            {"Observation/a2", "Patient/a", "Patient/b", "Patient/c"},
        ),
        ("Patient/$export", OF_PATIENTS),
        ("Patient/$export?_type=Provenance", {"Provenance/pa"}),
        ("Patient/$export?patient=Patient/a", OF_A),
        ("Patient/$export?patient=Patient/b&patient=Patient/b&_type=Observation", {"Observation/b1"}),
        ("Group/g/$export", OF_A | {"Patient/c"}),
        ("Group/g/$export?_type=Patient", {"Patient/a", "Patient/c"}),
    ],
)  # fmt: skip
async def test_what_it_holds_49_51_52_59_62_63_103_109_117_297_298(bulk: Bulk, path: str, expected: set[str]) -> None:
    assert await bulk.exported(path) == expected


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("$export", parameters(("_type", "valueString", "Device")), {"Device/d"}),
        ("$export", parameters(("_since", "valueInstant", "2999-01-01T00:00:00Z")), set()),
        (
            "Patient/$export",
            parameters(("patient", "valueReference", {"reference": "Patient/a"})),
            OF_A,
        ),
        (
            "Group/g/$export",
            parameters(("patient", "valueReference", {"reference": "Patient/c"}), ("_type", "valueString", "Patient")),
            {"Patient/c"},
        ),
    ],
)
async def test_post_85_158_228(bulk: Bulk, path: str, body: Any, expected: set[str]) -> None:
    assert await bulk.exported(path, method="POST", json=body) == expected


async def test_elements_77(bulk: Bulk) -> None:
    manifest = await bulk.manifest("$export?_type=Patient,Device&_elements=id,Patient.birthDate")
    found = {item["type"]: (await bulk.lines(item))[0] for item in manifest["output"]}
    assert set(found["Patient"]) == {"resourceType", "id", "meta", "birthDate"}
    assert set(found["Device"]) == {"resourceType", "id", "meta"}
    assert found["Patient"]["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_deletions_since_180_186_187_188_189_190(bulk: Bulk) -> None:
    assert (await bulk.client.delete("Observation/b1")).status_code == 204
    manifest = await bulk.manifest("$export?_since=2001-01-01T00:00:00Z")
    [item] = manifest["deleted"]
    [bundle] = await bulk.lines(item)
    assert bundle["type"] == "transaction"
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "Observation/b1"}}]
    for item in manifest["output"]:
        assert "b1" not in {one["id"] for one in await bulk.lines(item)}
    assert (await bulk.manifest("$export"))["deleted"] == []


async def test_only_the_latest_version_202(bulk: Bulk) -> None:
    changed = {**RESOURCES[1], "gender": "male"}
    assert (await bulk.client.put("Patient/a", json=changed, headers=FHIR)).status_code == 200
    manifest = await bulk.manifest("$export?_type=Patient")
    [item] = manifest["output"]
    found = {one["id"]: one for one in await bulk.lines(item)}
    assert (len(found), found["a"]["gender"], found["a"]["meta"]["versionId"]) == (3, "male", "2")


async def test_a_resource_that_cannot_be_read_is_told_142_143_196(bulk: Bulk) -> None:
    with psycopg.connect(bulk.url) as connection:
        connection.execute("update resource set body = substr(body, 1, 30) where fhir_id = 'a1'")
    manifest = await bulk.manifest("$export?_type=Observation")
    assert [item["count"] for item in manifest["output"]] == [2]
    [item] = manifest["error"]
    [outcome] = await bulk.lines(item)
    assert outcome["resourceType"] == "OperationOutcome"
    assert item["type"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("$export?organizeOutputBy=Patient", 400),
        ("$export?allowPartialManifests=true", 400),
        ("$export?nonsense=1", 400),
        ("$export?_type=Nonsense", 400),
        ("$export?_outputFormat=text/csv", 400),
        ("$export?_since=yesterday", 400),
        ("$export?_since=2024-01-01", 400),
        ("$export?_elements=Patient.name.family", 400),
        ("$export?patient=Patient/a", 400),
        ("$export?_typeFilter=Observation%3Fnonsense%3D1", 400),
        ("$export?_typeFilter=Observation%3F_count%3D1", 400),
        ("$export?_type=Patient&_typeFilter=Observation%3Fcode%3D1", 400),
        ("$export?includeAssociatedData=LatestProvenanceResources", 400),
        ("Patient/$export?_type=Organization", 400),
        ("Patient/$export?patient=Patient/unknown", 400),
        ("Patient/$export?patient=Patient/%22%7D", 400),
        ("Group/g/$export?patient=Patient/b", 400),
        ("Group/unknown/$export", 404),
        ("Observation/$export", 404),
        ("_jobs/unknown", 404),
        ("_jobs/unknown/Patient.1.ndjson", 404),
    ],
)
async def test_refusals_136_137_303_304(bulk: Bulk, path: str, status: int) -> None:
    answer = await bulk.client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert not await bulk.work()


async def test_lenient_clients_are_told_what_was_left_out_197(bulk: Bulk) -> None:
    lenient = {"prefer": "handling=lenient"}
    path = "$export?organizeOutputBy=Patient&_type=Nonsense,Device&includeAssociatedData=LatestProvenanceResources"
    answer = await bulk.client.get(path, headers=lenient)
    assert answer.status_code == 202
    assert [issue["severity"] for issue in answer.json()["issue"]] == ["information", "warning", "warning", "warning"]
    assert await bulk.work()
    manifest = (await bulk.client.get(answer.headers["content-location"])).json()
    assert [item["type"] for item in manifest["output"]] == ["Device"]
    [item] = manifest["error"]
    told = [one["issue"][0]["diagnostics"] for one in await bulk.lines(item)]
    assert ["organizeOutputBy" in told[0], "_type" in told[1], "includeAssociatedData" in told[2]] == [True] * 3
    # Not all of the record instead of what there is none of.
    assert (await bulk.client.get("$export?_type=Nonsense", headers=lenient)).status_code == 400


async def test_who_asks_too_often_is_asked_to_wait_127_128(bulk: Bulk) -> None:
    status = await bulk.kick_off("$export")
    answers = [await bulk.client.get(status) for _ in range(60)]
    refused = [one for one in answers if one.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) > 0
    assert refused[0].json()["issue"][0]["code"] == "throttled"
    assert answers[0].status_code == 202


async def test_files_of_others_are_out_of_reach(bulk: Bulk) -> None:
    status = await bulk.kick_off("$export?_type=Patient")
    assert await bulk.work()
    (bulk.files / "secret.1.ndjson").write_text("x")
    for name in ("..%2Fsecret.1.ndjson", "../secret.1.ndjson", "Patient.2.ndjson", "Patient.1.ndjson%00"):
        assert (await bulk.client.get(f"{status}/{name}")).status_code in (400, 404)


async def test_what_policies_say_when_it_is_carried_out_counts(bulk: Bulk) -> None:
    """Whoever may no longer read the type gets none of it, though the job was put in before."""
    status = await bulk.kick_off("$export?_type=Organization")
    access = Access("x", unrestricted=False, client="x", scopes=(Scope("system", "*", "rs"),), permission="rs")
    rows = [{"role": "client:x", "types": ["Location"], "interactions": "rs"}]
    with psycopg.connect(bulk.url, autocommit=True) as connection:
        connection.execute("update job set access = %s", [access_text(access)])
        connection.execute("insert into policy (changed, author, document) values (1, 'x', %s)", [json.dumps(rows)])
        try:
            assert await bulk.work()
            [(state, result)] = connection.execute("select state, result from job").fetchall()
        finally:
            connection.execute("delete from policy")
    assert (state, "system scopes" in result) == ("failed", True)
    assert not (bulk.files / status.rpartition("/")[2]).exists()


async def test_not_too_many_wait(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.jobs.MOST_UNFINISHED", 1)
    await bulk.kick_off("$export")
    answer = await bulk.client.get("$export")
    assert (answer.status_code, json.loads(answer.text)["issue"][0]["code"]) == (429, "throttled")
