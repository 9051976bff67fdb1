"""Prefer: respond-async on searches and $everything."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.bulk import answer
from tests.fhir_server.bulk.conftest import Bulk

ASYNC = {"prefer": "respond-async"}
FHIR = {"content-type": "application/fhir+json"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Observation?code=8867-4", {"Observation/a1", "Observation/b1"}),
        ("Observation?code=8867-4&_count=1", {"Observation/a1", "Observation/b1"}),
        ("Observation?_include=Observation:patient", {
            "Observation/a1", "Observation/a2", "Observation/b1", "Patient/a", "Patient/b"}),
        ("?_type=Organization,Group", {"Organization/o", "Group/g"}),
        ("Patient/b/*", {"Patient/b", "Observation/b1", "Group/g"}),
        ("Patient/b/$everything", {"Patient/b", "Observation/b1", "Group/g"}),
        ("Observation?code=nothing", set()),
    ],
)  # fmt: skip
async def test_answers(bulk: Bulk, path: str, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_PAGE", 1)
    assert await bulk.exported(path) == expected


async def test_each_once(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_PAGE", 1)
    manifest = await bulk.manifest("Observation?_include=Observation:patient")
    assert {item["type"]: item["count"] for item in manifest["output"]} == {"Observation": 3, "Patient": 2}
    assert manifest["request"].endswith("/fhir/Observation?_include=Observation%3Apatient")


async def test_posted(bulk: Bulk) -> None:
    assert await bulk.exported("Observation/_search", method="POST", data={"code": "8310-5"}) == {"Observation/a2"}
    parameter = [{"name": "_type", "valueCode": "Observation"}]
    body: dict[str, Any] = {"resourceType": "Parameters", "parameter": parameter}
    started = await bulk.client.post("Patient/a/$everything", json=body, headers=FHIR | ASYNC)
    assert started.status_code == 202
    assert started.headers["preference-applied"] == "respond-async"
    assert await bulk.work()
    manifest = (await bulk.client.get(started.headers["content-location"])).json()
    assert [(item["type"], item["count"]) for item in manifest["output"]] == [("Observation", 2)]


async def test_mistakes_are_told_in_the_end(bulk: Bulk) -> None:
    for path, code in (("Observation?nonsense=1", "not-supported"), ("Patient/nobody/$everything", "not-found")):
        status = await bulk.kick_off(path)
        assert (await bulk.client.get(status)).status_code == 202
        assert await bulk.work()
        told = await bulk.client.get(status)
        assert (told.status_code, told.json()["issue"][0]["code"]) == (500, code)


async def test_cancelled(bulk: Bulk) -> None:
    status = await bulk.kick_off("Observation")
    assert (await bulk.client.delete(status)).status_code == 202
    assert not await bulk.work()
    assert (await bulk.client.get(status)).status_code == 404


async def test_what_is_answered_at_once(bulk: Bulk) -> None:
    for path in ("Patient/a", "Patient/a/_history", "metadata", "Patient/$meta", "Observation/$lastn?patient=a"):
        assert (await bulk.client.get(path, headers=ASYNC)).status_code == 200
    resource = {"resourceType": "Patient", "id": "new"}
    assert (await bulk.client.put("Patient/new", json=resource, headers=FHIR | ASYNC)).status_code == 201
    entries = [{"request": {"method": "GET", "url": "Observation"}}]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    assert (await bulk.client.post("", json=batch, headers=FHIR | ASYNC)).status_code == 200
