"""delete and conditional delete."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from fhir_server.dispatch import Settings


def patient(id: str, family: str = "Souza") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}]}


async def put(client: httpx2.AsyncClient, resource: dict[str, Any]) -> None:
    url = f"{resource['resourceType']}/{resource['id']}"
    assert (await client.put(url, json=resource)).status_code in (200, 201)


async def test_delete_is_idempotent(client: httpx2.AsyncClient) -> None:
    await put(client, patient("d"))
    first = await client.delete("Patient/d")
    assert (first.status_code, first.content, first.headers["etag"]) == (204, b"", 'W/"2"')
    assert (await client.get("Patient/d")).status_code == 410
    assert (await client.delete("Patient/d")).status_code == 204
    assert (await client.delete("Patient/never")).status_code == 204
    told = await client.delete("Patient/d", headers={"prefer": "return=OperationOutcome"})
    assert (told.status_code, told.json()["resourceType"]) == (200, "OperationOutcome")
    assert (await client.get("Patient/d/_history")).json()["entry"][0]["request"]["method"] == "DELETE"


async def test_if_match(client: httpx2.AsyncClient) -> None:
    await put(client, patient("d"))
    assert (await client.delete("Patient/d", headers={"if-match": 'W/"2"'})).status_code == 412
    assert (await client.delete("Patient/d", headers={"if-match": 'W/"1"'})).status_code == 204
    assert (await client.delete("Patient/d", headers={"if-match": 'W/"1"'})).status_code == 412


async def test_what_is_referred_to_stays(client: httpx2.AsyncClient) -> None:
    await put(client, {"resourceType": "Organization", "id": "o", "name": "x"})
    await put(client, {**patient("d"), "managingOrganization": {"reference": "Organization/o"}})
    refused = await client.delete("Organization/o")
    assert refused.status_code == 409
    assert "Patient" not in refused.text, "who refers to it may be hidden"
    assert (await client.get("Organization/o")).status_code == 200
    await client.delete("Patient/d")
    assert (await client.delete("Organization/o")).status_code == 204


async def test_conditional_delete_of_one(client: httpx2.AsyncClient) -> None:
    for resource in (patient("a", "Lima"), patient("b", "Reis"), patient("c", "Reis")):
        await put(client, resource)
    assert (await client.delete("Patient?family=Nobody")).status_code == 204
    assert (await client.delete("Patient?family=Reis")).status_code == 412
    assert (await client.delete("Patient?family=Lima")).status_code == 204
    assert [(await client.get(f"Patient/{id}")).status_code for id in "abc"] == [410, 200, 200]


@pytest.mark.parametrize("query", ["", "?_format=json", "?family=", "?nonsense=1"])
async def test_criteria_that_are_none(shared_client: httpx2.AsyncClient, query: str) -> None:
    await put(shared_client, patient("stays"))
    assert (await shared_client.delete(f"Patient{query}")).status_code == 400
    assert (await shared_client.get("Patient/stays")).status_code == 200


async def test_conditional_delete_of_several(database: str, served: Any) -> None:
    settings = Settings(conditional_delete_multiple=True, conditional_delete_limit=3)
    async with served(database, settings) as client:
        for number in range(7):
            await put(client, patient(f"p{number}", "Lima" if number < 3 else "Reis"))
        headers = {"prefer": "return=OperationOutcome"}
        told = await client.delete("Patient?family=Lima", headers=headers)
        assert (told.status_code, told.json()["issue"][0]["diagnostics"]) == (200, "3 deleted")
        assert (await client.delete("Patient?family=Reis")).status_code == 412, "more than the limit"
        assert (await client.get("Patient/p6")).status_code == 200
