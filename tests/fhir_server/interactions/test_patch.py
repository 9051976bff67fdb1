"""patch: JSON Patch, FHIRPath Patch, JSON Merge Patch, conditional patch."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

JSON_PATCH = "application/json-patch+json"


def replace(value: str) -> dict[str, Any]:
    part = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.gender"},
        {"name": "value", "valueCode": value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}


async def send(
    client: httpx2.AsyncClient, url: str, patch: Any, content_type: str = JSON_PATCH, **headers: str
) -> httpx2.Response:
    all_headers = {"content-type": content_type, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return await client.patch(url, content=json.dumps(patch).encode(), headers=all_headers)


@pytest.fixture
async def patient(shared_client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    await shared_client.delete("Patient/1")
    identifier = [{"system": "urn:test", "value": "1"}]
    resource = {"resourceType": "Patient", "id": "1", "gender": "male", "identifier": identifier}
    assert (await shared_client.put("Patient/1", json=resource)).status_code == 201
    return shared_client


GENDER = [{"op": "replace", "path": "/gender", "value": "female"}]


@pytest.mark.parametrize("url", ["Patient/1", "Patient?identifier=urn:test|1"])
@pytest.mark.parametrize(
    ("patch", "content_type"),
    [
        (GENDER, JSON_PATCH),
        (replace("female"), "application/fhir+json"),
        ({"gender": "female"}, "application/merge-patch+json"),
        ({"gender": "female"}, "application/json"),
    ],
)
async def test_a_patch(patient: httpx2.AsyncClient, url: str, patch: Any, content_type: str) -> None:
    before = (await patient.get("Patient/1")).json()["meta"]["versionId"]
    response = await send(patient, url, patch, content_type)
    assert response.status_code == 200, response.text
    assert response.json()["gender"] == "female"
    assert response.headers["etag"] == f'W/"{int(before) + 1}"'
    again = await send(patient, url, patch, content_type)
    assert (again.status_code, again.headers["etag"]) == (200, response.headers["etag"])


@pytest.mark.parametrize(
    ("url", "patch", "content_type", "status"),
    [
        ("Patient/nobody", GENDER, JSON_PATCH, 404),
        ("Patient?identifier=urn:test|nobody", GENDER, JSON_PATCH, 404),
        ("Patient", GENDER, JSON_PATCH, 400),
        ("Patient/1", GENDER, "application/json", 415),
        ("Patient/1", GENDER, "application/xml-patch+xml", 415),
        ("Patient/1", GENDER, "text/plain", 415),
        ("Patient/1", {"resourceType": "Patient"}, "application/fhir+json", 400),
        ("Patient/1", GENDER, "application/merge-patch+json", 400),
        ("Patient/1", {"id": "2"}, "application/merge-patch+json", 422),
        ("Patient/1", {"nonsense": 1}, "application/json", 422),
        ("Patient/1", [{"op": "replace", "path": "/id", "value": "2"}], JSON_PATCH, 422),
        ("Patient/1", [{"op": "replace", "path": "/gender", "value": "nonsense"}], JSON_PATCH, 422),
        ("Patient/1", [{"op": "add", "path": "/nonsense", "value": 1}], JSON_PATCH, 422),
    ],
)
async def test_refusals(patient: httpx2.AsyncClient, url: str, patch: Any, content_type: str, status: int) -> None:
    response = await send(patient, url, patch, content_type)
    assert response.status_code == status, response.text
    assert response.json()["resourceType"] == "OperationOutcome"


async def test_a_failed_test_changes_nothing(patient: httpx2.AsyncClient) -> None:
    before = (await patient.get("Patient/1")).content
    response = await send(patient, "Patient/1", [{"op": "test", "path": "/gender", "value": "other"}, *GENDER])
    assert 400 <= response.status_code < 500
    assert (await patient.get("Patient/1")).content == before


async def test_preconditions(patient: httpx2.AsyncClient) -> None:
    tag = (await patient.get("Patient/1")).headers["etag"]
    assert (await send(patient, "Patient/1", GENDER, if_match='W/"99"')).status_code == 412
    assert (await send(patient, "Patient/1", GENDER, if_match=tag)).status_code == 200


async def test_deleted(patient: httpx2.AsyncClient) -> None:
    await patient.delete("Patient/1")
    assert (await send(patient, "Patient/1", GENDER)).status_code == 410


async def test_many_patches_of_one_resource_all_get_through(patient: httpx2.AsyncClient) -> None:
    await send(patient, "Patient/1", [{"op": "add", "path": "/name", "value": []}])
    await send(patient, "Patient/1", [{"op": "add", "path": "/name", "value": [{"family": "x"}]}])
    answers = await asyncio.gather(
        *(
            send(patient, "Patient/1", [{"op": "add", "path": "/name/-", "value": {"family": f"n{number}"}}])
            for number in range(24)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len((await patient.get("Patient/1")).json()["name"]) == 25
