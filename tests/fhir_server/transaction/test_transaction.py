"""Transactions against a real database: atomicity, order, links, reading, limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import AsyncClient

from fhir_server.dispatch import Settings
from tests.fhir_server.transaction.bundles import (
    bundle,
    count,
    entry,
    expressions,
    identified,
    location,
    observation,
    patient,
    post,
    statuses,
)

A = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a01"
B = "urn:uuid:0b5c3ca0-4b8e-4e0f-9d6b-0d6a8f6f1a02"


async def test_urn_links_become_the_ids_assigned(shared_client: AsyncClient) -> None:
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{A}">the patient</a></div>',
        },
        "subject": {"reference": A},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": A}],
        "content": [{"attachment": {"contentType": "text/plain", "url": B}}],
    }
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    answer = await post(
        shared_client,
        bundle(
            entry("POST", "DocumentReference", document),
            entry("POST", "Patient", patient(), A),
            entry("POST", "Binary", binary, B),
        ),
    )
    assert statuses(answer) == ["201", "201", "201"]
    stored = (await shared_client.get(location(answer, 0))).json()
    assert stored["subject"]["reference"] == location(answer, 1)
    assert stored["content"][0]["attachment"]["url"] == location(answer, 2)
    assert f'href="{location(answer, 1)}"' in stored["text"]["div"]
    assert stored["identifier"][0]["value"] == A


async def test_new_resources_may_refer_to_each_other(shared_client: AsyncClient) -> None:
    first = patient(link=[{"other": {"reference": B}, "type": "seealso"}])
    second = patient(link=[{"other": {"reference": A}, "type": "seealso"}])
    answer = await post(shared_client, bundle(entry("POST", "Patient", first, A), entry("POST", "Patient", second, B)))
    for one, other in ((0, 1), (1, 0)):
        stored = (await shared_client.get(location(answer, one))).json()
        assert stored["link"][0]["other"]["reference"] == location(answer, other)


async def test_full_urls_of_another_server(shared_client: AsyncClient) -> None:
    old = "http://old.example/fhir"
    answer = await post(
        shared_client,
        bundle(
            entry("POST", "Patient", patient(id="7"), f"{old}/Patient/7"),
            entry("POST", "Observation", observation("Patient/7", id="8"), f"{old}/Observation/8"),
            entry("POST", "Observation", observation(f"{old}/Patient/7/_history/3"), A),
        ),
    )
    subjects = [(await shared_client.get(location(answer, n))).json()["subject"]["reference"] for n in (1, 2)]
    assert subjects == [location(answer, 0), f"{location(answer, 0)}/_history/1"]


async def test_the_answer_says_what_was_done(shared_client: AsyncClient) -> None:
    answer = await post(shared_client, bundle(entry("PUT", "Patient/said", patient(id="said"))))
    assert answer["type"] == "transaction-response"
    [only] = answer["entry"]
    assert set(only) == {"response"}
    response = only["response"]
    assert (response["status"], response["location"], response["etag"]) == (
        "201 Created", "Patient/said/_history/1", 'W/"1"',
    )  # fmt: skip
    stored = (await shared_client.get("Patient/said")).json()
    assert response["lastModified"] == stored["meta"]["lastUpdated"]


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_prefer(shared_client: AsyncClient, kind: str) -> None:
    json = bundle(entry("POST", "Patient", patient()), type=kind)
    whole = await post(shared_client, json, prefer="return=representation")
    assert whole["entry"][0]["resource"]["name"] == [{"family": "Silva"}]
    assert whole["entry"][0]["fullUrl"].endswith(location(whole, 0))
    told = await post(shared_client, json, prefer="return=OperationOutcome")
    assert told["entry"][0]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert "resource" not in told["entry"][0]
    assert set((await post(shared_client, json))["entry"][0]) == {"response"}


async def test_nothing_is_written_if_one_entry_is_wrong(client: AsyncClient) -> None:
    outcome = await post(
        client,
        bundle(
            entry("POST", "Patient", patient()),
            entry("POST", "Patient", patient(gender="nonsense")),
            entry("POST", "Observation", observation("Patient/none", status=7)),
        ),
        422,
    )
    found = expressions(outcome)
    assert any(path.startswith("Bundle.entry[1].resource.gender") for path in found)
    assert any(path.startswith("Bundle.entry[2].resource.status") for path in found)
    assert await count(client, "Patient") == 0


@pytest.mark.parametrize(
    ("wrong", "status", "path"),
    [
        (entry("POST", "Observation", observation("Patient/nobody")), 422, "Bundle.entry[1].resource.subject"),
        (entry("POST", "Observation", observation(A)), 400, "Bundle.entry[1].resource.subject"),
        (entry("POST", "Observation", observation("Patient?identifier=x|1")), 400, "Bundle.entry[1].resource.subject"),
        (entry("POST", "Observation", observation("Patient?nothing=1")), 400, "Bundle.entry[1].resource.subject"),
        (entry("PUT", "Patient/1", patient(id="2")), 400, "Bundle.entry[1].resource.id"),
        (entry("PUT", "Patient/1", patient(id="1"), ifMatch='W/"9"'), 412, "Bundle.entry[1]"),
        (entry("PUT", "Patient?nothing=1", patient()), 400, "Bundle.entry[1].request.url"),
        (entry("POST", "Patient", patient(), ifNoneExist="nothing=1"), 400, "Bundle.entry[1].request.ifNoneExist"),
        (entry("PATCH", "Patient/1", {"resourceType": "Parameters"}), 404, "Bundle.entry[1]"),
        (entry("PATCH", "Patient/1", patient()), 400, "Bundle.entry[1].resource.resourceType"),
        (entry("GET", "Patient/nobody"), 404, "Bundle.entry[1]"),
        (entry("GET", "Nothing"), 404, "Bundle.entry[1].request.url"),
        (entry("GET", "Patient?nothing=1"), 400, "Bundle.entry[1]"),
        (entry("POST", "", bundle()), 400, "Bundle.entry[1].request.url"),
        (entry("POST", "Patient/$nothing", patient()), 404, "Bundle.entry[1].request.url"),
        ({"resource": patient()}, 400, "Bundle.entry[1].request"),
    ],
)
async def test_refused_as_a_whole(shared_client: AsyncClient, wrong: Any, status: int, path: str) -> None:
    good = entry("POST", "Group", {"resourceType": "Group", "type": "person", "actual": False})
    outcome = await post(shared_client, bundle(good, wrong), status)
    assert path in expressions(outcome)
    assert await count(shared_client, "Group") == 0


async def test_order_of_processing(client: AsyncClient) -> None:
    await client.put("Patient/gone", json=identified("1", id="gone"), headers={"content-type": "application/fhir+json"})
    answer = await post(
        client,
        bundle(
            entry("GET", "Patient?identifier=http://ids|1"),
            entry("PUT", "Patient/put", identified("2", id="put")),
            entry("POST", "Patient", identified("1"), ifNoneExist="identifier=http://ids|1"),
            entry("DELETE", "Patient/gone"),
            entry("GET", "Patient/put"),
        ),
    )
    assert statuses(answer) == ["200", "201", "201", "204", "200"]
    found = answer["entry"][0]["resource"]
    assert [hit["resource"]["id"] for hit in found["entry"]] == [location(answer, 2).split("/")[1]]
    assert answer["entry"][4]["resource"]["id"] == "put"
    assert (await client.get("Patient/gone")).status_code == 410


async def test_reading_sees_what_was_written(client: AsyncClient) -> None:
    await post(client, bundle(entry("PUT", "Patient/r", patient(id="r"))))
    answer = await post(
        client,
        bundle(
            entry("PUT", "Patient/r", patient("Souza", id="r")),
            entry("GET", "Patient/r"),
            entry("GET", "Patient/r/_history/1"),
            entry("GET", "Patient/r/_history/2"),
            entry("GET", "Patient/r/_history"),
            entry("GET", "Patient?family=Souza"),
            entry("GET", "Patient/r", ifNoneMatch='W/"2"'),
            entry("HEAD", "Patient/r"),
            entry("GET", "metadata"),
        ),
    )
    assert statuses(answer) == ["200"] * 6 + ["304", "200", "200"]
    resources = [found.get("resource") for found in answer["entry"]]
    families = [resource["name"][0]["family"] for resource in resources[1:4]]
    assert families == ["Souza", "Silva", "Souza"]
    assert [len(resources[n]["entry"]) for n in (4, 5)] == [2, 1]
    assert resources[6] is None
    assert resources[7] is None
    assert "location" not in answer["entry"][1]["response"]


async def test_validate_inside_deletes_nothing(client: AsyncClient) -> None:
    headers = {"content-type": "application/fhir+json"}
    await client.put("Patient/p", json=patient(id="p"), headers=headers)
    await client.put("Observation/o", json=observation("Patient/p", id="o"), headers=headers)
    mode = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "delete"}]}
    answer = await post(
        client,
        bundle(
            entry("POST", "Patient", patient()),
            entry("POST", "Observation/o/$validate", mode),
            entry("POST", "Patient/p/$validate", mode),
            entry("GET", "Observation/o"),
        ),
    )
    assert statuses(answer) == ["201", "200", "200", "200"]
    assert (await client.get("Observation/o")).status_code == 200


async def test_no_op_update_makes_no_version(shared_client: AsyncClient) -> None:
    json = bundle(entry("PUT", "Patient/same", patient(id="same")))
    await post(shared_client, json)
    answer = await post(shared_client, json)
    assert answer["entry"][0]["response"]["etag"] == 'W/"1"'
    assert statuses(answer) == ["200"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry("PUT", "Patient/twice", patient(id="twice")), entry("DELETE", "Patient/twice")),
        (entry("PUT", "Patient/twice", patient(id="twice")), entry("PUT", "Patient/twice", patient(id="twice"))),
        (entry("PUT", "Patient?identifier=q", identified("q")), entry("PUT", "Patient?identifier=q", identified("q"))),
        (entry("POST", "Patient", identified("q")), entry("PUT", "Patient?identifier=q", identified("q"))),
        (entry("PUT", "Patient?family=Q", patient("Q")), entry("PUT", "Patient?family=Q", patient("Q"))),
        (entry("POST", "Patient", patient(), A), entry("POST", "Patient", patient(), A)),
    ],
)
async def test_two_entries_about_one_resource(shared_client: AsyncClient, first: Any, second: Any) -> None:
    outcome = await post(shared_client, bundle(first, second), 400)
    [issue] = outcome["issue"]
    assert [path.split(".")[1] for path in issue["expression"]] == ["entry[0]", "entry[1]"]


async def test_delete_of_what_others_refer_to(client: AsyncClient) -> None:
    headers = {"content-type": "application/fhir+json"}
    await client.put("Patient/p", json=patient(id="p"), headers=headers)
    await client.put("Observation/o", json=observation("Patient/p", id="o"), headers=headers)
    await post(client, bundle(entry("DELETE", "Patient/p")), 409)
    answer = await post(client, bundle(entry("DELETE", "Patient/p"), entry("DELETE", "Observation/o")))
    assert statuses(answer) == ["204", "204"]


async def test_dangling_urns_pass_without_integrity(database: str, served: Callable[..., Any]) -> None:
    async with served(database, integrity=False) as client:
        answer = await post(client, bundle(entry("POST", "Observation", observation(A))))
        assert (await client.get(location(answer, 0))).json()["subject"]["reference"] == A
        # What was only referred to may be created later.
        await post(client, bundle(entry("POST", "Observation", observation("Patient/later"))))
        answer = await post(client, bundle(entry("PUT", "Patient/later", patient(id="later"))))
        assert answer["entry"][0]["response"]["etag"] == 'W/"1"'


async def test_too_many_entries(database: str, served: Callable[..., Any]) -> None:
    async with served(database, Settings(max_entries=3)) as client:
        outcome = await post(client, bundle(*[entry("POST", "Patient", patient())] * 4), 413)
        assert expressions(outcome) == ["Bundle.entry"]
        assert await count(client, "Patient") == 0


@pytest.mark.parametrize(
    "json",
    [
        patient(),
        {"resourceType": "Bundle"},
        bundle(type="collection"),
        {"resourceType": "Bundle", "type": ["batch"]},
        {"resourceType": "Bundle", "type": "batch", "entry": {}},
        [],
    ],
)
async def test_not_a_bundle_to_process(shared_client: AsyncClient, json: Any) -> None:
    await post(shared_client, json, 400)


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_an_empty_bundle(shared_client: AsyncClient, kind: str) -> None:
    answer = await post(shared_client, {"resourceType": "Bundle", "type": kind})
    assert "entry" not in answer
    assert answer["type"] == f"{kind}-response"


async def test_two_thousand_entries(client: AsyncClient) -> None:
    entries = [entry("POST", "Patient", patient(), A)]
    entries += [entry("POST", "Observation", observation(A)) for _ in range(1999)]
    answer = await post(client, bundle(*entries))
    assert set(statuses(answer)) == {"201"}
    assert await count(client, f"Observation?subject={location(answer, 0)}") == 1999
