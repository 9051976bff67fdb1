"""create and conditional create."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": "Souza"}]}


def identified(value: str) -> dict[str, Any]:
    return {**PATIENT, "identifier": [{"system": "urn:test", "value": value}]}


@pytest.mark.parametrize(
    "extra", [{}, {"id": "mine"}, {"meta": {"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"}}]
)
async def test_a_new_resource(shared_client: httpx2.AsyncClient, extra: dict[str, Any]) -> None:
    response = await shared_client.post("Patient", json={**PATIENT, **extra})
    body = response.json()
    assert response.status_code == 201
    assert body["id"] != "mine"
    assert body["meta"]["versionId"] == "1"
    assert not body["meta"]["lastUpdated"].startswith("2001")
    assert response.headers["location"] == f"{shared_client.base_url}Patient/{body['id']}/_history/1"
    assert response.headers["etag"] == 'W/"1"'
    assert (await shared_client.get(response.headers["location"])).json() == body


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [("return=minimal", None), ("return=representation", "Patient"), ("return=OperationOutcome", "OperationOutcome")],
)
async def test_what_is_preferred(shared_client: httpx2.AsyncClient, prefer: str, kind: str | None) -> None:
    response = await shared_client.post("Patient", json=PATIENT, headers={"prefer": prefer})
    assert response.status_code == 201
    assert response.headers["location"]
    if kind is None:
        assert response.content == b""
    else:
        assert response.json()["resourceType"] == kind


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ({"resourceType": "Observation"}, 400),
        ({}, 400),
        ([], 400),
        ({**PATIENT, "nonsense": 1}, 422),
        ({**PATIENT, "active": "yes"}, 422),
        ({**PATIENT, "gender": "x"}, 422),
        ({**PATIENT, "managingOrganization": {"reference": "Organization/nobody"}}, 422),
        ({**PATIENT, "generalPractitioner": [{"reference": "Patient/x"}]}, 422),
    ],
)
async def test_what_is_refused(shared_client: httpx2.AsyncClient, resource: Any, status: int) -> None:
    response = await shared_client.post("Patient", json=resource)
    assert response.status_code == status, response.text
    assert response.json()["issue"]


async def test_missing_references_are_named(shared_client: httpx2.AsyncClient) -> None:
    resource = {**PATIENT, "managingOrganization": {"reference": "Organization/nobody"}}
    response = await shared_client.post("Patient", json=resource)
    [issue] = response.json()["issue"]
    assert issue["expression"] == ["Patient.managingOrganization"]
    assert "nobody" not in response.text


async def test_without_integrity_references_may_dangle(database: str, served: Any) -> None:
    async with served(database, integrity=False) as client:
        resource = {**PATIENT, "managingOrganization": {"reference": "Organization/later"}}
        assert (await client.post("Patient", json=resource)).status_code == 201
        assert (await client.get("Organization/later")).status_code == 404
        created = await client.put(
            "Organization/later", json={"resourceType": "Organization", "id": "later", "name": "x"}
        )
        assert created.status_code == 201
        assert created.headers["etag"] == 'W/"1"'


async def test_conditional_create(shared_client: httpx2.AsyncClient) -> None:
    headers = {"if-none-exist": "identifier=urn:test%7Cone"}
    first = await shared_client.post("Patient", json=identified("one"), headers=headers)
    second = await shared_client.post("Patient", json=identified("one"), headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["etag"] == 'W/"1"'
    assert second.headers["content-location"] == first.headers["location"]
    await shared_client.post("Patient", json=identified("one"))
    third = await shared_client.post("Patient", json=identified("one"), headers=headers)
    assert third.status_code == 412


@pytest.mark.parametrize("value", ["", "?", "identifier=", "nonsense=1", "_count=2"])
async def test_criteria_that_are_none(shared_client: httpx2.AsyncClient, value: str) -> None:
    response = await shared_client.post("Patient", json=PATIENT, headers={"if-none-exist": value})
    assert response.status_code == 400


async def test_many_identical_conditional_creates_make_one(client: httpx2.AsyncClient) -> None:
    headers = {"if-none-exist": "identifier=urn:test|many"}
    answers = await asyncio.gather(
        *(client.post("Patient", json=identified("many"), headers=headers) for _ in range(64))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    found = (await client.get("Patient?identifier=urn:test|many")).json()
    assert len(found["entry"]) == 1
