"""history of an instance, a type and the system; time limits; pages."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest


async def fill(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Three versions of one patient, one of another, an organization; the bodies as stored."""
    bodies = []
    for id, family in (("1", "a"), ("1", "b"), ("2", "x"), ("1", "c")):
        resource = {"resourceType": "Patient", "id": id, "name": [{"family": family}]}
        bodies.append((await client.put(f"Patient/{id}", json=resource)).json())
    await client.put("Organization/o", json={"resourceType": "Organization", "id": "o", "name": "x"})
    await client.delete("Patient/2")
    return bodies


def shown(bundle: dict[str, Any]) -> list[str]:
    return [f"{entry['request']['method']} {entry['request']['url']}" for entry in bundle.get("entry", [])]


async def test_instance_type_and_system(client: httpx2.AsyncClient) -> None:
    bodies = await fill(client)
    instance = (await client.get("Patient/1/_history")).json()
    assert (instance["resourceType"], instance["type"]) == ("Bundle", "history")
    assert [entry["resource"] for entry in instance["entry"]] == [bodies[3], bodies[1], bodies[0]]
    for entry in instance["entry"]:
        assert entry["fullUrl"] == f"{client.base_url}Patient/1"
        assert entry["response"]["etag"] == f'W/"{entry["resource"]["meta"]["versionId"]}"'
        assert entry["response"]["lastModified"] == entry["resource"]["meta"]["lastUpdated"]
    assert [entry["response"]["status"][:3] for entry in instance["entry"]] == ["200", "200", "201"]
    of_type = (await client.get("Patient/_history")).json()
    assert shown(of_type) == ["DELETE Patient/2", "PUT Patient/1", "PUT Patient/2", "PUT Patient/1", "PUT Patient/1"]
    assert "resource" not in of_type["entry"][0]
    system = (await client.get("_history")).json()
    assert len(system["entry"]) == 6
    assert (await client.get("Patient/2/_history")).json()["entry"][0]["request"]["method"] == "DELETE"


async def test_unknown(client: httpx2.AsyncClient) -> None:
    assert (await client.get("Patient/nobody/_history")).status_code == 404
    assert (await client.get("Nonsense/_history")).status_code == 404
    assert "entry" not in (await client.get("Patient/_history")).json()


async def test_time_limits(client: httpx2.AsyncClient) -> None:
    bodies = await fill(client)
    second = bodies[1]["meta"]["lastUpdated"]
    since = (await client.get("Patient/1/_history", params={"_since": second})).json()
    assert [entry["resource"] for entry in since["entry"]] == [bodies[3], bodies[1]]
    assert "entry" not in (await client.get("Patient/1/_history?_since=2999")).json()
    assert len((await client.get("Patient/1/_history?_at=2000,2999".replace("2000,", ""))).json()["entry"]) == 1
    assert "entry" not in (await client.get("Patient/1/_history?_at=2001-01-01")).json()


@pytest.mark.parametrize(
    "query",
    [
        "_since=yesterday",
        "_at=x",
        "_count=-1",
        "_count=x",
        "_list=List/1",
        "name=x",
        "_cursor=abc",
        "_since=2024&_since=2023",
    ],
)
async def test_refusals(shared_client: httpx2.AsyncClient, query: str) -> None:
    assert (await shared_client.get(f"Patient/_history?{query}")).status_code == 400


async def test_pages_hold_while_others_write(client: httpx2.AsyncClient) -> None:
    await fill(client)
    url: str | None = "_history?_count=2"
    pages: list[list[str]] = []
    while url is not None:
        response = await client.get(url)
        assert response.status_code == 200, response.text
        bundle = response.json()
        pages.append(
            [f"{line} {entry['response']['etag']}" for line, entry in zip(shown(bundle), bundle["entry"], strict=True)]
        )
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert "self" in links
        url = links.get("next")
        await client.put(
            "Patient/new", json={"resourceType": "Patient", "id": "new", "name": [{"text": str(len(pages))}]}
        )
    everything = [line for page in pages for line in page]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert len(set(everything)) == 6
    assert not any("new" in line for line in everything)


async def test_a_cursor_belongs_to_its_history(client: httpx2.AsyncClient) -> None:
    await fill(client)
    bundle = (await client.get("Patient/_history?_count=1")).json()
    url = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
    assert (await client.get(url)).status_code == 200
    assert (await client.get(url.replace("Patient/_history", "_history"))).status_code == 400
    assert (await client.get(url.replace("Patient/_history", "Patient/1/_history"))).status_code == 400


async def test_parts_of_resources(client: httpx2.AsyncClient) -> None:
    await fill(client)
    bundle = (await client.get("Patient/1/_history?_elements=id&_count=1")).json()
    [entry] = bundle["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta"}
    assert "_elements=id" in next(link["url"] for link in bundle["link"] if link["relation"] == "next")


async def test_count_zero(client: httpx2.AsyncClient) -> None:
    await fill(client)
    bundle = (await client.get("_history?_count=0")).json()
    assert "entry" not in bundle
