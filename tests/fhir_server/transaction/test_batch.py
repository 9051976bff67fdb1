"""Batches: each entry on its own."""

from __future__ import annotations

import base64
import json as plain
from typing import Any

import pytest
from httpx2 import AsyncClient

from tests.fhir_server.transaction.bundles import bundle, count, entry, identified, location, patient, post, statuses

JSON_PATCH = [{"op": "add", "path": "/active", "value": True}]
FHIRPATH_PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": "Patient"},
                {"name": "name", "valueString": "active"},
                {"name": "value", "valueBoolean": True},
            ],
        }
    ],
}


def in_binary(patch: Any) -> dict[str, Any]:
    data = base64.b64encode(plain.dumps(patch).encode()).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}


async def test_one_error_is_its_own(client: AsyncClient) -> None:
    answer = await post(
        client,
        bundle(
            entry("GET", "Patient?family=Silva"),
            entry("POST", "Patient", patient()),
            entry("POST", "Patient", patient(gender="nonsense")),
            entry("GET", "Nothing/1"),
            entry("GET", "Patient/nobody"),
            entry("POST", "", bundle(type="batch")),
            entry("PUT", "../Patient/1", patient(id="1")),
            {"resource": patient()},
            entry("DELETE", "Patient/nobody"),
            entry("PATCH", "Patient/nobody", FHIRPATH_PATCH),
            entry("GET", "metadata"),
            entry("POST", "Patient/$validate", patient()),
            type="batch",
        ),
    )
    assert answer["type"] == "batch-response"
    assert statuses(answer) == [
        "200", "201", "422", "404", "404", "400", "400", "400", "204", "404", "200", "200"
    ]  # fmt: skip
    for one in answer["entry"]:
        refused = one["response"]["status"][0] == "4"
        assert refused == ("outcome" in one["response"])
    assert len(answer["entry"][0]["resource"]["entry"]) == 1  # reading comes after writing
    assert await count(client, "Patient") == 1


async def test_entries_about_one_resource_keep_their_order(client: AsyncClient) -> None:
    puts = [entry("PUT", "Patient/x", identified(str(n), id="x")) for n in range(5)]
    answer = await post(client, bundle(*puts, type="batch"))
    assert [one["response"]["etag"] for one in answer["entry"]] == [f'W/"{n}"' for n in range(1, 6)]


async def test_the_same_conditional_create_twice(client: AsyncClient) -> None:
    create = entry("POST", "Patient", identified("1"), ifNoneExist="identifier=http://ids|1")
    answer = await post(client, bundle(create, create, type="batch"))
    assert statuses(answer) == ["201", "200"]
    assert location(answer, 0) == location(answer, 1)


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize("patch", [in_binary(JSON_PATCH), FHIRPATH_PATCH])
async def test_patch(shared_client: AsyncClient, kind: str, patch: Any) -> None:
    await post(shared_client, bundle(entry("PUT", "Patient/x", patient(id="x"))))
    answer = await post(shared_client, bundle(entry("PATCH", "Patient/x", patch), type=kind))
    assert statuses(answer) == ["200"]
    assert (await shared_client.get("Patient/x")).json()["active"] is True


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    "patch",
    [
        {**in_binary(JSON_PATCH), "data": "%%%"},
        {**in_binary(JSON_PATCH), "data": base64.b64encode(b"{").decode()},
        {**in_binary(JSON_PATCH), "contentType": "text/plain"},
    ],
)
async def test_patch_that_is_none(shared_client: AsyncClient, kind: str, patch: Any) -> None:
    headers = {"content-type": "application/fhir+json"}
    json = bundle(entry("PATCH", "Patient/x", patch), type=kind)
    response = await shared_client.post("", json=json, headers=headers)
    status = response.status_code if kind == "transaction" else int(statuses(response.json())[0])
    assert status in (400, 415)


async def test_links_in_patches(shared_client: AsyncClient) -> None:
    urn = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a01"
    await post(shared_client, bundle(entry("PUT", "Patient/y", patient(id="y"))))
    patch = [{"op": "add", "path": "/managingOrganization", "value": {"reference": urn}}]
    answer = await post(
        shared_client,
        bundle(
            entry("PATCH", "Patient/y", in_binary(patch)),
            entry("POST", "Organization", {"resourceType": "Organization", "name": "o"}, urn),
        ),
    )
    stored = (await shared_client.get("Patient/y")).json()
    assert stored["managingOrganization"]["reference"] == location(answer, 1)
