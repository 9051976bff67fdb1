"""read and vread, conditional read, Binary."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

FHIR = "application/fhir+json"
WEIGHT = (
    b'{"resourceType": "Observation", "id": "w", "status": "final", "code": {"text": "weight"},'
    b' "valueQuantity": {"value": 1.10}}'
)


async def stored(client: httpx2.AsyncClient, id: str = "1", versions: int = 1) -> httpx2.Response:
    for number in range(versions):
        response = await client.put(
            f"Patient/{id}", json={"resourceType": "Patient", "id": id, "name": [{"family": f"v{number}"}]}
        )
    return response


async def test_what_was_stored_is_read(shared_client: httpx2.AsyncClient) -> None:
    await shared_client.put("Observation/w", content=WEIGHT, headers={"content-type": FHIR})
    response = await shared_client.get("Observation/w")
    assert response.status_code == 200
    assert '"value":1.10' in response.text, "decimals keep their digits"
    body = response.json()
    assert response.headers["etag"] == f'W/"{body["meta"]["versionId"]}"'
    assert response.headers["last-modified"].endswith("GMT")
    assert response.headers["content-location"].endswith("/fhir/Observation/w/_history/1")
    assert body["meta"]["lastUpdated"]


async def test_unknown_and_deleted(shared_client: httpx2.AsyncClient) -> None:
    await stored(shared_client, "gone")
    await shared_client.delete("Patient/gone")
    assert (await shared_client.get("Patient/unknown")).status_code == 404
    assert (await shared_client.get("Patient/gone")).status_code == 410
    assert (await shared_client.get("Patient/gone/_history/1")).status_code == 200
    assert (await shared_client.get("Patient/gone/_history/2")).status_code == 410


async def test_versions(shared_client: httpx2.AsyncClient) -> None:
    await stored(shared_client, "v", 3)
    for number in (1, 2, 3):
        response = await shared_client.get(f"Patient/v/_history/{number}")
        assert response.json()["name"] == [{"family": f"v{number - 1}"}]
        assert response.headers["etag"] == f'W/"{number}"'
    for number in ("0", "4", "abc", "-1", "99999999999999999999", "1.0", "²"):
        assert (await shared_client.get(f"Patient/v/_history/{number}")).status_code == 404


async def test_conditional_read(shared_client: httpx2.AsyncClient) -> None:
    await stored(shared_client, "c", 2)
    now = (await shared_client.get("Patient/c")).headers["last-modified"]
    cases: list[tuple[dict[str, str], int]] = [
        ({"if-none-match": 'W/"2"'}, 304),
        ({"if-none-match": '"2"'}, 304),
        ({"if-none-match": 'W/"1", W/"2"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": 'W/"1"'}, 200),
        ({"if-modified-since": now}, 304),
        ({"if-modified-since": "Tue, 03 Jun 2008 11:05:30 GMT"}, 200),
    ]
    for headers, status in cases:
        response = await shared_client.get("Patient/c", headers=headers)
        assert response.status_code == status, headers
        assert response.headers["etag"] == 'W/"2"'
        assert (response.content == b"") == (status == 304)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("_elements=gender", {"resourceType", "id", "meta", "gender"}),
        ("_elements=name,gender", {"resourceType", "id", "meta", "gender", "name"}),
        ("_summary=text", {"resourceType", "id", "meta", "text"}),
        ("_summary=data", {"resourceType", "id", "meta", "name", "gender", "photo"}),
        ("_summary=true", {"resourceType", "id", "meta", "name", "gender"}),
        ("_summary=false", {"resourceType", "id", "meta", "text", "name", "gender", "photo"}),
    ],
)
async def test_parts_of_a_resource(shared_client: httpx2.AsyncClient, query: str, kept: set[str]) -> None:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": "parts",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        "name": [{"family": "x"}],
        "gender": "female",
        "photo": [{"title": "x"}],
    }
    assert (await shared_client.put("Patient/parts", json=patient)).status_code in (200, 201)
    body = (await shared_client.get(f"Patient/parts?{query}")).json()
    assert set(body) == kept
    subsetted = [tag["code"] for tag in body["meta"].get("tag", [])]
    assert subsetted == ([] if query == "_summary=false" else ["SUBSETTED"])


@pytest.mark.parametrize("query", ["_summary=all", "_count=2", "name=x"])
async def test_parameters_that_a_read_does_not_take(shared_client: httpx2.AsyncClient, query: str) -> None:
    await stored(shared_client)
    assert (await shared_client.get(f"Patient/1?{query}")).status_code == 400


async def test_unless_lenient(shared_client: httpx2.AsyncClient) -> None:
    await stored(shared_client)
    response = await shared_client.get("Patient/1?name=x", headers={"prefer": "handling=lenient"})
    assert response.status_code == 200


async def test_binary_as_bytes_and_as_resource(shared_client: httpx2.AsyncClient) -> None:
    raw = bytes(range(256))
    created = await shared_client.post("Binary", content=raw, headers={"content-type": "image/png"})
    assert created.status_code == 201
    url = created.headers["location"].split("/_history")[0]
    assert created.json()["data"] == base64.b64encode(raw).decode()
    for accept in ("*/*", "image/png", "application/json"):
        response = await shared_client.get(url, headers={"accept": accept})
        assert (response.status_code, response.content) == (200, raw)
        assert response.headers["content-type"] == "image/png"
        assert response.headers["content-security-policy"] == "sandbox"
        assert response.headers["etag"] == 'W/"1"'
    for headers, query in (({"accept": FHIR}, ""), ({}, "?_format=json")):
        response = await shared_client.get(url + query, headers=headers)
        assert response.json()["contentType"] == "image/png"
    updated = await shared_client.put(url, content=b"new", headers={"content-type": "text/plain"})
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    assert (await shared_client.get(url)).text == "new"
    assert (await shared_client.get(f"{url}/_history/1")).content == raw


async def test_the_security_context_of_a_binary(shared_client: httpx2.AsyncClient) -> None:
    await stored(shared_client, "ctx")
    headers = {"content-type": "text/plain", "x-security-context": "Patient/ctx"}
    created = await shared_client.post("Binary", content=b"x", headers=headers)
    assert created.json()["securityContext"] == {"reference": "Patient/ctx"}
    response = await shared_client.get(created.headers["location"])
    assert response.headers["x-security-context"] == "Patient/ctx"
