"""$everything: what belongs to a record, its pages, its limits in time and type."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from fhir_server.compartment import member_types
from fhir_server.search.record import SHARED
from mappings.r4 import serialize
from tests.fhir_server.conftest import serving

FHIR = {"content-type": "application/fhir+json"}

CODE = {"text": "x"}
ANA, RUI = {"reference": "Patient/ana"}, {"reference": "Patient/rui"}
ACTOR = {"individual": {"reference": "Practitioner/doctor"}}
AMB = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}


def observation(id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, "status": "final", "code": CODE, **more}


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Organization", "id": "clinic", "name": "x"},
    {"resourceType": "Organization", "id": "elsewhere", "name": "x"},
    {"resourceType": "Practitioner", "id": "doctor"},
    {"resourceType": "Medication", "id": "drug", "code": CODE},
    {"resourceType": "Patient", "id": "ana", "managingOrganization": {"reference": "Organization/clinic"}},
    {"resourceType": "Patient", "id": "rui"},
    {
        "resourceType": "Encounter", "id": "visit", "status": "finished", "class": AMB, "subject": ANA,
        "participant": [ACTOR], "period": {"start": "2020-01-10", "end": "2020-01-12"},
    },
    observation("of-ana", subject=ANA, performer=[ANA], effectiveDateTime="2020-01-11",
                encounter={"reference": "Encounter/visit"}),
    observation("of-ana-undated", subject=ANA),
    observation("of-rui", subject=RUI, effectiveDateTime="2021-05-01"),
    observation("by-ana", subject=RUI, performer=[ANA, {"reference": "Organization/elsewhere"}],
                effectiveDateTime="2022-01-01"),
    observation("of-nobody"),
    {"resourceType": "Coverage", "id": "plan", "status": "active", "beneficiary": ANA,
     "payor": [{"reference": "Organization/clinic"}]},
    {"resourceType": "MedicationRequest", "id": "order", "status": "active", "intent": "order", "subject": ANA,
     "medicationReference": {"reference": "Medication/drug"}, "authoredOn": "2020-02-01",
     "encounter": {"reference": "Encounter/visit"}},
    {"resourceType": "Condition", "id": "gone", "subject": ANA},
]  # fmt: skip

OF_ANA = {
    "Patient/ana", "Encounter/visit", "Observation/of-ana", "Observation/of-ana-undated", "Observation/by-ana",
    "Coverage/plan", "MedicationRequest/order",
}  # fmt: skip
REFERRED = {"Organization/clinic", "Organization/elsewhere", "Practitioner/doctor", "Medication/drug"}


async def put(client: httpx2.AsyncClient, resource: dict[str, Any]) -> dict[str, Any]:
    answer = await client.put(f"{resource['resourceType']}/{resource['id']}", content=serialize(resource), headers=FHIR)
    assert answer.status_code in (200, 201), answer.text
    stored: dict[str, Any] = answer.json()
    return stored


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database) as client:
        for resource in RESOURCES:
            await put(client, resource)
        await client.delete("Condition/gone")
        yield client


def named(bundle: dict[str, Any], mode: str | None = None) -> list[str]:
    """Type/id of the entries in their order."""
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", ())
        if mode in (None, entry["search"]["mode"])
    ]


def next_of(bundle: dict[str, Any]) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


async def read(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    bundle: dict[str, Any] = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    return bundle


async def test_a_whole_record(client: httpx2.AsyncClient) -> None:
    bundle = await read(client, "Patient/ana/$everything")
    assert named(bundle)[0] == "Patient/ana"
    assert sorted(named(bundle, "match")) == sorted(OF_ANA)
    assert sorted(named(bundle, "include")) == sorted(REFERRED)
    assert bundle["entry"][0]["fullUrl"] == f"{client.base_url}Patient/ana"
    assert bundle["entry"][0]["resource"] == (await client.get("Patient/ana")).json()
    assert next_of(bundle) is None
    own = await read(client, "Patient/rui/$everything")
    assert set(named(own)) == {
        "Patient/rui", "Observation/of-rui", "Observation/by-ana", "Organization/elsewhere",
    }  # fmt: skip


async def test_an_encounter(client: httpx2.AsyncClient) -> None:
    bundle = await read(client, "Encounter/visit/$everything")
    assert set(named(bundle, "match")) == {"Encounter/visit", "Observation/of-ana", "MedicationRequest/order"}
    assert set(named(bundle, "include")) == {"Patient/ana", "Practitioner/doctor", "Medication/drug"}
    assert (await client.get("Encounter/visit/$everything?start=2020")).status_code == 400
    assert (await client.get("Encounter/$everything")).status_code == 404


@pytest.mark.parametrize("path", ["Patient/ana/$everything", "Patient/$everything", "Encounter/visit/$everything"])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_pages(client: httpx2.AsyncClient, path: str, count: int) -> None:
    whole = await read(client, path)
    url: str | None = f"{path}?_count={count}"
    pages: list[list[str]] = []
    while url:
        bundle = await read(client, url)
        pages.append(named(bundle))
        url = next_of(bundle)
    assert [one for page in pages for one in page] == named(whole)
    assert all(len(page) == count for page in pages[:-1])
    assert pages[-1]


async def test_all_patients(client: httpx2.AsyncClient) -> None:
    bundle = await read(client, "Patient/$everything")
    assert set(named(bundle, "match")) == OF_ANA | {"Patient/rui", "Observation/of-rui"}
    assert set(named(bundle, "include")) == REFERRED
    assert len(named(bundle)) == len(set(named(bundle)))
    dated = await read(client, "Patient/$everything?start=2021-01-01&end=2021-12-31")
    assert set(named(dated, "match")) == {
        "Patient/ana", "Patient/rui", "Observation/of-ana-undated", "Observation/of-rui", "Coverage/plan",
    }  # fmt: skip
    typed = await read(client, "Patient/$everything?_type=Observation,Medication")
    assert set(named(typed)) == {
        one for one in OF_ANA | REFERRED if one.startswith(("Observation/", "Medication/"))
    } | {"Observation/of-rui"}


DATELESS = {"Patient/ana", "Observation/of-ana-undated", "Coverage/plan"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("start=2020-01-12&end=2020-01-31", DATELESS | {"Encounter/visit"}),
        ("end=2020-01-11", DATELESS | {"Encounter/visit", "Observation/of-ana"}),
        ("start=2020-02", DATELESS | {"MedicationRequest/order", "Observation/by-ana"}),
        ("start=2023", DATELESS),
        ("_type=Observation", {one for one in OF_ANA if one.startswith("Observation/")}),
        ("_type=Patient&_type=Coverage,Group", {"Patient/ana", "Coverage/plan"}),
        ("_type=Practitioner", set()),
        ("_since=2999-01-01", set()),
        ("_since=2000-01-01", OF_ANA),
    ],
)
async def test_limits(client: httpx2.AsyncClient, query: str, expected: set[str]) -> None:
    assert set(named(await read(client, f"Patient/ana/$everything?{query}"), "match")) == expected


async def test_referred_to_by_what_is_shown(client: httpx2.AsyncClient) -> None:
    dated = await read(client, "Patient/ana/$everything?start=2023")
    assert set(named(dated, "include")) == {"Organization/clinic"}
    typed = await read(client, "Patient/ana/$everything?_type=Practitioner,Location")
    assert named(typed) == ["Practitioner/doctor"]


async def test_since(client: httpx2.AsyncClient) -> None:
    """News are what changed, and what a change refers to: the client need not have had it before."""
    changed = await put(client, {**RESOURCES[3], "status": "active"})
    since = changed["meta"]["lastUpdated"]
    bundle = await read(client, f"Patient/ana/$everything?_since={since}")
    assert named(bundle) == ["Medication/drug"]
    await put(client, {**RESOURCES[6], "language": "pt"})
    for path in ("Patient/ana/$everything", "Patient/$everything"):
        bundle = await read(client, f"{path}?_since={since}")
        assert set(named(bundle)) == {"Encounter/visit", "Practitioner/doctor", "Medication/drug"}


async def test_self_says_what_was_applied(client: httpx2.AsyncClient) -> None:
    bundle = await read(client, "Patient/ana/$everything?_count=99999&_type=Patient,Group")
    assert bundle["link"] == [
        {"relation": "self", "url": f"{client.base_url}Patient/ana/$everything?_count=1000&_type=Patient,Group"}
    ]


async def test_by_post(client: httpx2.AsyncClient) -> None:
    parameter = [{"name": "_type", "valueCode": "Observation"}, {"name": "_count", "valueInteger": 2}]
    posted = await client.post(
        "Patient/ana/$everything", json={"resourceType": "Parameters", "parameter": parameter}, headers=FHIR
    )
    assert posted.status_code == 200, posted.text
    first = posted.json()
    following = next_of(first)
    assert following is not None
    second = await read(client, following)
    assert set(named(first)) | set(named(second)) == {one for one in OF_ANA if one.startswith("Observation/")}


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Patient/nobody/$everything", 404),
        ("Observation/of-ana/$everything", 404),
        ("Patient/ana/$everything?_type=Nonsense", 400),
        ("Patient/ana/$everything?_count=0", 400),
        ("Patient/ana/$everything?_count=x", 400),
        ("Patient/ana/$everything?start=x", 400),
        ("Patient/ana/$everything?start=2021&end=2020", 400),
        ("Patient/ana/$everything?start=2021&start=2020", 400),
        ("Patient/ana/$everything?_since=yesterday", 400),
        ("Patient/ana/$everything?_cursor=x", 400),
        ("Patient/ana/$everything?code=x", 400),
    ],
)
async def test_refusals(client: httpx2.AsyncClient, url: str, status: int) -> None:
    answer = await client.get(url)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_deleted_patient(client: httpx2.AsyncClient) -> None:
    await put(client, {"resourceType": "Patient", "id": "alone"})
    assert named(await read(client, "Patient/alone/$everything")) == ["Patient/alone"]
    await client.delete("Patient/alone")
    assert (await client.get("Patient/alone/$everything")).status_code == 410


async def test_a_cursor_serves_its_record_only(client: httpx2.AsyncClient) -> None:
    url = next_of(await read(client, "Patient/ana/$everything?_count=2"))
    assert url is not None
    assert (await client.get(url.replace("/ana/", "/rui/"))).status_code == 400
    assert (await client.get(f"{url}&_type=Observation")).status_code == 400
    lenient = await client.get(f"{url}&nonsense=1", headers={"prefer": "handling=lenient"})
    assert lenient.status_code == 200


def test_what_is_shared_is_in_no_record() -> None:
    assert not set(SHARED) & {*member_types("Patient"), *member_types("Encounter")}


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_in_a_bundle(client: httpx2.AsyncClient, kind: str) -> None:
    entries: list[dict[str, Any]] = [
        {"request": {"method": "GET", "url": "Patient/ana/$everything?_type=Coverage"}},
        {"request": {"method": "GET", "url": "Observation/$lastn?patient=rui"}},
        {"request": {"method": "GET", "url": "Patient/$meta"}},
    ]
    answer = await client.post("", json={"resourceType": "Bundle", "type": kind, "entry": entries}, headers=FHIR)
    assert answer.status_code == 200, answer.text
    everything, lastn, meta = (entry["resource"] for entry in answer.json()["entry"])
    assert named(everything) == ["Coverage/plan"]
    assert named(lastn) == ["Observation/by-ana"]
    assert meta["resourceType"] == "Parameters"
