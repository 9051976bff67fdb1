"""What stands out in records of patients follows each write."""

from __future__ import annotations

from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.labels.given import ACT_CODE

HIV = {"meta": {"security": [{"system": ACT_CODE, "code": "HIV"}]}}
OTHER = {"asserter": {"reference": "Patient/q"}}


def standing(database: str) -> set[tuple[str, str, int]]:
    """Patient, resource and labels of all that stands out."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select p.fhir_id, r.fhir_id, l.labels from patient_label l join resource p on p.rid = l.patient_rid"
            " join resource r on r.rid = l.rid"
        )
        return set(rows.fetchall())


async def put(client: httpx2.AsyncClient, **members: Any) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}} | members
    answer = await client.put("Condition/c", json=condition)
    assert answer.status_code in (200, 201), answer.text


@pytest.fixture(autouse=True)
async def patients(client: httpx2.AsyncClient) -> None:
    for id in "pq":
        assert (await client.put(f"Patient/{id}", json={"resourceType": "Patient", "id": id})).status_code == 201


async def test_it_follows_each_write(client: httpx2.AsyncClient, database: str) -> None:
    steps: list[tuple[dict[str, Any], set[tuple[str, str, int]]]] = [
        ({}, set()),
        (OTHER, {("p", "c", 0), ("q", "c", 0)}),
        ({"asserter": {"reference": "Patient/p"}}, set()),
        (HIV, {("p", "c", 4)}),
        (HIV | OTHER, {("p", "c", 4), ("q", "c", 4)}),
        ({"subject": {"reference": "Patient/q"}}, {("q", "c", 4)}),
    ]
    for members, expected in steps:
        await put(client, **members)
        assert standing(database) == expected, members
    assert (await client.delete("Condition/c")).status_code == 204
    assert standing(database) == set()
    await put(client, **OTHER)
    assert standing(database) == {("p", "c", 4), ("q", "c", 4)}, "what was labelled once stays so"


async def test_of_what_is_made(client: httpx2.AsyncClient, database: str) -> None:
    await put(client, **HIV, **OTHER)
    assert standing(database) == {("p", "c", 4), ("q", "c", 4)}
