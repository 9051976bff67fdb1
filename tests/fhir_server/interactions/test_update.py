"""update, update as create, conditional update, races."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest


def patient(id: str | None, family: str = "Souza", identifier: str | None = None) -> dict[str, Any]:
    resource: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": family}]}
    if id is not None:
        resource["id"] = id
    if identifier is not None:
        resource["identifier"] = [{"system": "urn:test", "value": identifier}]
    return resource


async def test_create_update_no_change_delete_restore(shared_client: httpx2.AsyncClient) -> None:
    put = shared_client.put
    first = await put("Patient/u", json=patient("u"))
    assert (first.status_code, first.headers["etag"]) == (201, 'W/"1"')
    assert first.headers["location"].endswith("/Patient/u/_history/1")
    second = await put("Patient/u", json=patient("u", "Lima"))
    assert (second.status_code, second.headers["etag"], "location" in second.headers) == (200, 'W/"2"', False)
    same = await put("Patient/u", json={"name": [{"family": "Lima"}], **patient("u", "Lima"), **second.json()})
    assert (same.status_code, same.headers["etag"], same.json()) == (200, 'W/"2"', second.json())
    await shared_client.delete("Patient/u")
    restored = await put("Patient/u", json=patient("u", "Lima"))
    assert (restored.status_code, restored.headers["etag"]) == (201, 'W/"4"')


@pytest.mark.parametrize(
    ("url", "resource", "status"),
    [
        ("Patient/m", patient("other"), 400),
        ("Patient/m", patient(None), 400),
        ("Patient/m", {"resourceType": "Group", "id": "m"}, 400),
        ("Patient/m", {**patient("m"), "nonsense": 1}, 422),
        ("Patient/m_m", patient("m_m"), 400),
        ("Patient/m?name=x", patient("m"), 400),
    ],
)
async def test_refusals(shared_client: httpx2.AsyncClient, url: str, resource: Any, status: int) -> None:
    assert (await shared_client.put(url, json=resource)).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-match": 'W/"1"'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": 'W/"2"'}, 412),
        ({"if-none-match": "*"}, 412),
    ],
)
async def test_preconditions(client: httpx2.AsyncClient, headers: dict[str, str], status: int) -> None:
    await client.put("Patient/p", json=patient("p"))
    response = await client.put("Patient/p", json=patient("p", "Lima"), headers=headers)
    assert response.status_code == status
    missing = await client.put("Patient/new", json=patient("new"), headers=headers)
    assert missing.status_code == (201 if "if-none-match" in headers else 412)


@pytest.mark.parametrize("prefer", ["return=minimal", "return=OperationOutcome"])
async def test_what_is_preferred(shared_client: httpx2.AsyncClient, prefer: str) -> None:
    await shared_client.put("Patient/w", json=patient("w"))
    response = await shared_client.put("Patient/w", json=patient("w", prefer), headers={"prefer": prefer})
    assert response.status_code == 200
    assert response.content == b"" or response.json()["resourceType"] == "OperationOutcome"


async def test_of_many_with_if_match_one_wins(client: httpx2.AsyncClient) -> None:
    await client.put("Patient/r", json=patient("r"))
    answers = await asyncio.gather(
        *(
            client.put("Patient/r", json=patient("r", f"n{number}"), headers={"if-match": 'W/"1"'})
            for number in range(64)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 63


async def test_of_many_without_if_match_all_get_through(client: httpx2.AsyncClient) -> None:
    await client.put("Patient/r", json=patient("r"))
    answers = await asyncio.gather(*(client.put("Patient/r", json=patient("r", f"n{number}")) for number in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await client.get("Patient/r")).headers["etag"] == 'W/"41"'


async def test_of_many_creating_one_id_one_creates(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.put("Patient/n", json=patient("n", f"{i}")) for i in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]


async def test_conditional_update(client: httpx2.AsyncClient) -> None:
    url = "Patient?identifier=urn:test|a"
    created = await client.put(url, json=patient(None, identifier="a"))
    assert created.status_code == 201
    id = created.json()["id"]
    updated = await client.put(url, json=patient(None, "Lima", "a"))
    assert (updated.status_code, updated.json()["id"], updated.headers["etag"]) == (200, id, 'W/"2"')
    same = await client.put(url, json=patient(id, "Lima", "a"))
    assert (same.status_code, same.headers["etag"]) == (200, 'W/"2"')
    assert (await client.put(url, json=patient("other", "Lima", "a"))).status_code == 400
    stale = await client.put(url, json=patient(id, "Reis", "a"), headers={"if-match": 'W/"1"'})
    assert stale.status_code == 412
    await client.put("Patient/second", json=patient("second", identifier="a"))
    assert (await client.put(url, json=patient(None, identifier="a"))).status_code == 412


async def test_conditional_update_that_names_an_id(client: httpx2.AsyncClient) -> None:
    created = await client.put("Patient?identifier=urn:test|b", json=patient("chosen", identifier="b"))
    assert (created.status_code, created.json()["id"]) == (201, "chosen")
    taken = await client.put("Patient?identifier=urn:test|c", json=patient("chosen", identifier="c"))
    assert taken.status_code == 409
    await client.delete("Patient/chosen")
    restored = await client.put("Patient?identifier=urn:test|c", json=patient("chosen", identifier="c"))
    assert (restored.status_code, restored.headers["etag"]) == (201, 'W/"3"')


@pytest.mark.parametrize("query", ["", "?", "?_format=json", "?identifier=", "?nonsense=1"])
async def test_criteria_that_are_none(shared_client: httpx2.AsyncClient, query: str) -> None:
    assert (await shared_client.put(f"Patient{query}", json=patient(None))).status_code == 400


async def test_of_many_conditional_updates_one_creates(client: httpx2.AsyncClient) -> None:
    url = "Patient?identifier=urn:test|race"
    answers = await asyncio.gather(*(client.put(url, json=patient(None, f"{i}", "race")) for i in range(32)))
    assert sorted(answer.status_code for answer in answers) == [200] * 31 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
