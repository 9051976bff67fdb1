"""$meta, $meta-add, $meta-delete."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from fhir_server.operations.meta import added, without
from fhir_server.search.labels import numbers
from fhir_server.search.parameters import search_parameter

FHIR = {"content-type": "application/fhir+json"}
A, B = {"system": "urn:s", "code": "a"}, {"system": "urn:s", "code": "b"}
A_SHOWN = {**A, "display": "A"}
P, Q = "http://example.org/p", "http://example.org/q"
WORDS = {"display": "words"}


@pytest.mark.parametrize(
    ("meta", "more", "expected"),
    [
        ({}, {}, {}),
        ({"versionId": "1"}, {"tag": [A]}, {"versionId": "1", "tag": [A]}),
        ({"tag": [A]}, {"tag": [A_SHOWN, B, B]}, {"tag": [A, B]}),
        ({"security": [B]}, {"tag": [A]}, {"security": [B], "tag": [A]}),
        ({"profile": [P]}, {"profile": [P, Q, Q]}, {"profile": [P, Q]}),
        ({"tag": [WORDS]}, {"tag": [WORDS, A]}, {"tag": [WORDS, A]}),
        ({"tag": [A]}, {"versionId": "9", "lastUpdated": "x", "source": "y"}, {"tag": [A]}),
        ({"tag": [A, A]}, {"tag": [A]}, {"tag": [A, A]}),
    ],
)
def test_added(meta: dict[str, Any], more: dict[str, Any], expected: dict[str, Any]) -> None:
    assert added(meta, more) == expected


@pytest.mark.parametrize(
    ("meta", "less", "expected"),
    [
        ({"tag": [A]}, {}, {"tag": [A]}),
        ({"tag": [A_SHOWN, B], "source": "x"}, {"tag": [A]}, {"tag": [B], "source": "x"}),
        ({"tag": [A]}, {"tag": [A, B], "security": [A]}, {}),
        ({"profile": [P, Q]}, {"profile": [P]}, {"profile": [Q]}),
        ({"profile": [P, Q], "_profile": [{"id": "1"}, {"id": "2"}]}, {"profile": [P]},
         {"profile": [Q], "_profile": [{"id": "2"}]}),
        ({"profile": [P, Q], "_profile": [{"id": "1"}, None]}, {"profile": [P]}, {"profile": [Q]}),
        ({"tag": [WORDS, A]}, {"tag": [WORDS]}, {"tag": [A]}),
        ({"tag": [A]}, {"versionId": "1"}, {"tag": [A]}),
    ],
)  # fmt: skip
def test_without(meta: dict[str, Any], less: dict[str, Any], expected: dict[str, Any]) -> None:
    assert without(meta, less) == expected


@pytest.mark.parametrize("code", ["_profile", "_tag", "_security"])
def test_numbers_are_those_of_the_parameters(code: str) -> None:
    for name in ("Patient", "Binary", "Bundle"):
        parameter = search_parameter(name, code)
        assert parameter is not None
        assert parameter.param_ids == tuple(numbers([name], code))


def parameters(meta: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


async def change(client: httpx2.AsyncClient, path: str, meta: Any, **headers: str) -> httpx2.Response:
    return await client.post(path, json=parameters(meta), headers=FHIR | headers)


def returned(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "Parameters"
    found: dict[str, Any] = body["parameter"][0]["valueMeta"] if "parameter" in body else {}
    return {name: value for name, value in found.items() if name not in ("versionId", "lastUpdated")}


async def test_a_resource(client: httpx2.AsyncClient) -> None:
    patient = {"resourceType": "Patient", "id": "1", "meta": {"tag": [A]}, "active": True}
    await client.put("Patient/1", json=patient, headers=FHIR)
    answer = await client.get("Patient/1/$meta")
    assert (returned(answer), answer.headers["etag"]) == ({"tag": [A]}, 'W/"1"')
    answer = await change(client, "Patient/1/$meta-add", {"security": [B], "tag": [B]})
    assert (returned(answer), answer.headers["etag"]) == ({"tag": [A, B], "security": [B]}, 'W/"2"')
    assert len((await client.get("Patient?_security=urn:s|b")).json()["entry"]) == 1
    again = await change(client, "Patient/1/$meta-add", {"tag": [A]})
    assert again.headers["etag"] == 'W/"2"'
    answer = await change(client, "Patient/1/$meta-delete", {"tag": [A, B]}, **{"if-match": 'W/"2"'})
    assert (returned(answer), answer.headers["etag"]) == ({"security": [B]}, 'W/"3"')
    stored = (await client.get("Patient/1")).json()
    assert (stored["active"], stored["meta"]["versionId"], stored["meta"]["security"]) == (True, "3", [B])
    assert "entry" not in (await client.get("Patient?_tag=urn:s|a")).json()
    history = (await client.get("Patient/1/_history")).json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["PATCH", "PATCH", "PUT"]


async def test_a_type_and_the_system(client: httpx2.AsyncClient) -> None:
    assert returned(await client.get("$meta")) == {}
    same_code = {"system": "urn:other", "code": "a"}
    for id, type_name, meta in [
        ("1", "Patient", {"tag": [A], "profile": [Q]}),
        ("2", "Patient", {"tag": [A, B], "profile": [P]}),
        ("3", "Practitioner", {"tag": [same_code], "security": [B], "profile": [P]}),
    ]:
        resource = {"resourceType": type_name, "id": id, "meta": meta}
        assert (await client.put(f"{type_name}/{id}", json=resource, headers=FHIR)).status_code == 201
    assert returned(await client.get("Patient/$meta")) == {"profile": [P, Q], "tag": [A, B]}
    assert returned(await client.get("$meta")) == {"profile": [P, Q], "tag": [same_code, A, B], "security": [B]}
    assert returned(await client.get("Observation/$meta")) == {}
    await client.delete("Patient/2")
    assert returned(await client.get("Patient/$meta")) == {"profile": [Q], "tag": [A]}


async def test_refusals(client: httpx2.AsyncClient) -> None:
    await client.put("Patient/1", json={"resourceType": "Patient", "id": "1"}, headers=FHIR)
    await client.put("Patient/2", json={"resourceType": "Patient", "id": "2"}, headers=FHIR)
    await client.delete("Patient/2")
    for path, status in [("Patient/9/$meta", 404), ("Patient/2/$meta", 410), ("Patient/1/$meta?x=1", 400)]:
        assert (await client.get(path)).status_code == status
    for path, status in [("Patient/9/$meta-add", 404), ("Patient/2/$meta-add", 410), ("Patient/$meta-add", 404)]:
        assert (await change(client, path, {"tag": [A]})).status_code == status
    assert (await client.get("Patient/1/$meta-add")).status_code == 405
    for meta in ({"tag": A}, {"tag": ["x"]}, {"tag": [{"code": 1}]}, "x", {"profile": [{}]}):
        for code in ("add", "delete"):
            assert (await change(client, f"Patient/1/$meta-{code}", meta)).status_code in (400, 422), meta
    assert (await change(client, "Patient/1/$meta-add", {"tag": [{"code": " x "}]})).status_code == 422
    assert (await change(client, "Patient/1/$meta-add", {"tag": [A]}, **{"if-match": 'W/"9"'})).status_code == 412
    for body in ({"resourceType": "Parameters"}, {"resourceType": "Patient"}, {"resourceType": "Parameters",
                 "parameter": [{"name": "other", "valueMeta": {}}]}):  # fmt: skip
        assert (await client.post("Patient/1/$meta-add", json=body, headers=FHIR)).status_code == 400
    assert (await client.get("Patient/1")).headers["etag"] == 'W/"1"'
