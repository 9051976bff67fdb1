"""$lastn over HTTP: patient, category, code, dates, status, texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from mappings.r4 import serialize
from tests.fhir_server.conftest import serving

FHIR = {"content-type": "application/fhir+json"}
LOINC = "http://loinc.org"


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def observation(id: str, code: dict[str, Any], at: str | None, **more: Any) -> dict[str, Any]:
    found = {"resourceType": "Observation", "id": id, "status": "final", "code": code,
             "subject": {"reference": "Patient/ana"}}  # fmt: skip
    if at:
        found["effectiveDateTime"] = at
    return {**found, **more}


VITAL = {"category": [{"coding": [{
    "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}]}  # fmt: skip
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "ana"},
    {"resourceType": "Patient", "id": "rui"},
    observation("pulse-1", coded("8867-4"), "2020-01-01", **VITAL),
    observation("pulse-3", coded("8867-4"), "2020-01-03T10:00:00Z", **VITAL),
    observation("pulse-2", coded("8867-4", "other"), "2020-01-02", **VITAL),
    observation("pulse-wrong", coded("8867-4"), "2020-01-09", status="entered-in-error", **VITAL),
    observation("pulse-other", coded("other"), "2020-01-02T23:00:00Z"),
    observation("weight-1", {"text": "Weight"}, "2021-01-01"),
    observation("weight-2", {"text": "weight"}, "2021-01-02"),
    observation("note", {"text": "Height"}, None),
    observation("of-rui", coded("8867-4"), "2022-01-01", subject={"reference": "Patient/rui"}),
]


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database) as client:
        for one in RESOURCES:
            answer = await client.put(f"{one['resourceType']}/{one['id']}", content=serialize(one), headers=FHIR)
            assert answer.status_code == 201, answer.text
        yield client


def named(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle.get("entry", ())))
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("patient=ana", ["weight-2", "pulse-3", "note"]),
        ("subject=Patient/ana", ["weight-2", "pulse-3", "note"]),
        ("patient=Patient/ana&max=2", ["weight-2", "weight-1", "pulse-3", "pulse-other", "note"]),
        ("patient=ana&max=99&category=vital-signs", ["pulse-3", "pulse-2", "pulse-1"]),
        ("patient=ana&code=http://loinc.org|8867-4&max=2", ["pulse-3", "pulse-2"]),
        ("patient=ana&code=8867-4&date=lt2020-01-03", ["pulse-2"]),
        ("patient=ana&code=8867-4&status=entered-in-error", ["pulse-wrong"]),
        ("patient=ana&code=nothing", []),
        ("patient=nobody", []),
        ("patient=rui&category=vital-signs", []),
        ("patient=rui", ["of-rui"]),
    ],
)
async def test_latest(client: httpx2.AsyncClient, query: str, expected: list[str]) -> None:
    assert named(await client.get(f"Observation/$lastn?{query}")) == expected


async def test_by_post(client: httpx2.AsyncClient) -> None:
    parameter = [{"name": "patient", "valueString": "ana"}, {"name": "category", "valueString": "vital-signs"},
                 {"name": "max", "valuePositiveInt": 2}]  # fmt: skip
    body = {"resourceType": "Parameters", "parameter": parameter}
    assert named(await client.post("Observation/$lastn", json=body, headers=FHIR)) == ["pulse-3", "pulse-2"]


@pytest.mark.parametrize(
    "query",
    ["", "code=8867-4", "patient=ana,rui", "patient=ana&max=0", "patient=ana&max=x", "patient=ana&max=1&max=2",
     "patient=ana&_sort=date", "patient=ana&_include=Observation:patient", "patient=ana&nonsense=1",
     "subject=Device/1"],
)  # fmt: skip
async def test_refusals(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"Observation/$lastn?{query}")
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


async def test_other_types_have_no_latest(client: httpx2.AsyncClient) -> None:
    assert (await client.get("Condition/$lastn?patient=ana")).status_code == 404
    assert (await client.get("Observation/pulse-1/$lastn")).status_code == 404
