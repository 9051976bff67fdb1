from __future__ import annotations

import httpx2
import pytest

from fhir_server.outcome import Invalid, NotFound
from tests.fhir_server.search.conftest import BASE, World, world

__all__ = ["world"]  # a fixture


async def test_links_and_counts(world: World) -> None:
    bundle = await world.bundle("Observation?code=http://codes|weight&_count=2&_total=accurate")
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert links["self"] == f"{BASE}/Observation?code=http://codes|weight&_count=2&_total=accurate"
    assert links["first"] == links["self"]
    assert links["next"].startswith(links["self"] + "&_cursor=")
    assert bundle["total"] == 3
    assert len(bundle["entry"]) == 2
    last = await world.bundle(links["next"])
    assert [link["relation"] for link in last["link"]] == ["self", "first"]


async def test_no_total_unless_asked_for(world: World) -> None:
    assert "total" not in await world.bundle("Observation")


async def test_a_cursor_of_another_search_is_refused(world: World) -> None:
    bundle = await world.bundle("Observation?code=weight&_count=1")
    token = next(link["url"] for link in bundle["link"] if link["relation"] == "next").partition("_cursor=")[2]
    with pytest.raises(Invalid, match="another search"):
        await world.bundle(f"Observation?code=height&_count=1&_cursor={token}")
    with pytest.raises(Invalid, match="another search"):
        await world.bundle(f"Observation?code=weight&_count=1&_cursor={token[:-4]}xxxx")
    # How large the pages are may change on the way.
    assert await world.ids(f"Observation?code=weight&_count=9&_cursor={token}") == ["w2", "w1"]


async def test_lenient_handling_warns_in_the_bundle(world: World) -> None:
    with pytest.raises(Invalid):
        await world.bundle("Patient?nonsense=1")
    bundle = await world.bundle("Patient?nonsense=1&gender=female", prefer="handling=lenient")
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "outcome"]
    assert "nonsense" not in bundle["link"][0]["url"]


async def test_elements_and_summary_cut_what_is_shown(world: World) -> None:
    [entry] = (await world.bundle("Patient?_id=ann&_elements=gender"))["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "gender"}
    assert entry["resource"]["meta"]["tag"][-1]["code"] == "SUBSETTED"
    [entry] = (await world.bundle("Observation?_id=w1&_summary=text"))["entry"]
    assert "valueQuantity" not in entry["resource"]


async def test_explain_shows_statement_and_plan(world: World) -> None:
    for url in ("Observation?patient=ann&code=weight", "Observation?code=weight&_sort=-date", "?_tag=x"):
        outcome = await world.bundle(url + ("&" if "?" in url else "?") + "_explain=true")
        statement, plan = (issue["diagnostics"] for issue in outcome["issue"])
        assert statement.startswith(("select", "with"))
        assert "Execution Time" in plan
        # As it runs: where one plan serves all values, without them.
        assert (" = $" in plan) == (url[0] != "?"), plan


async def test_a_compartment_that_does_not_exist(world: World) -> None:
    with pytest.raises(NotFound):
        await world.bundle("Organization/north/Patient")
    with pytest.raises(NotFound):
        await world.bundle("Patient/ann/Organization")


async def test_over_http_by_get_and_by_form(client: httpx2.AsyncClient) -> None:
    for id, gender in (("a", "male"), ("b", "female")):
        await client.put(f"Patient/{id}", json={"resourceType": "Patient", "id": id, "gender": gender})
    by_get = (await client.get("Patient", params={"gender": "male"})).json()
    by_form = (await client.post("Patient/_search", data={"gender": "male"})).json()
    assert [entry["resource"]["id"] for entry in by_get["entry"]] == ["a"]
    assert by_form["entry"] == by_get["entry"]
    assert by_form["link"] == by_get["link"]
    system = (await client.get("", params={"_type": "Patient", "_summary": "count"})).json()
    assert system["total"] == 2
    refused = await client.get("Patient", params={"nonsense": "1"})
    assert refused.status_code == 400
    assert refused.json()["resourceType"] == "OperationOutcome"


async def test_self_says_what_was_applied(client: httpx2.AsyncClient) -> None:
    bundle = (await client.get("Patient", params={"_count": "99999"})).json()
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert links["self"].endswith("Patient?_count=1000")
