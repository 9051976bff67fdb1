from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import Invalid
from fhir_server.search.contained import MOST, container, last_of, place, rid_of
from fhir_server.search.query import parse_query
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, coded, observation, patient


def medication(id: str, code: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": id, "code": coded(code)} | more


def request(id: str, medication: str, *contained: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": id, "status": "active", "intent": "order",
        "contained": list(contained), "medicationReference": {"reference": medication},
        "subject": {"reference": "Patient/ann"},
    }  # fmt: skip


MAKER = {"manufacturer": {"reference": "Organization/north"}}
RESOURCES: tuple[dict[str, Any], ...] = (
    {"resourceType": "Organization", "id": "north", "name": "North"},
    patient("ann", "Silva", "1980-02-29", "female"),
    medication("own", "abc"),
    request("mr0", "Medication/own"),
    request("mr1", "#m1", medication("m1", "abc"), medication("m2", "xyz")),
    request("mr2", "#m1", medication("m1", "abc", **MAKER)),
    observation("inner", "#p", "weight", "2020-01-01", "60") | {"contained": [
        patient("p", "Taylor", "1970-01-01", "male", managingOrganization={"reference": "#o"}),
        {"resourceType": "Organization", "id": "o", "name": "Inside"},
    ]},
    observation("outer", "Patient/ann", "weight", "2020-01-01", "60"),
)  # fmt: skip


@pytest.fixture
async def containers(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, "Observation", "outer") is None:
        await found.put(*RESOURCES)
    yield found
    store.close()


FOUND = [
    ("Medication?code=abc", "own"),
    ("Medication?code=abc&_contained=false", "own"),
    ("Medication?code=abc&_contained=true", "mr2 mr1"),
    ("Medication?code=abc&_contained=both", "own mr2 mr1"),
    ("Medication?_contained=true", "mr2 mr1"),
    ("Medication?_contained=true&_containedType=contained", "m1 m1 m2"),
    ("Medication?code=abc&_contained=both&_containedType=contained", "own m1 m1"),
    ("Medication?code=xyz&_contained=true&_containedType=contained", "m2"),
    ("Medication?code:not=abc&_contained=true", "mr1"),
    ("Medication?_contained=true&_id=m2", "mr1"),
    ("Medication?_contained=true&code=abc&manufacturer:missing=true", "mr1"),
    ("Medication?_contained=true&manufacturer=north", "mr2"),
    ("Medication?_contained=true&manufacturer.name=north", "mr2"),
    ("Medication?_contained=true&_filter=code eq abc and not(manufacturer pr true)", "mr1"),
    ("Medication?_contained=true&_has:MedicationRequest:medication:status=active", "mr2 mr1"),
    ("Medication?_contained=true&_containedType=contained&_sort=-_id", "m2 m1 m1"),
    ("Medication?_contained=true&_containedType=contained&_sort=code,_id", "m1 m1 m2"),
    ("Patient?_contained=true&organization.name=inside", "inner"),
    ("Patient?_contained=both&gender=male,female", "ann inner"),
    ("?_type=Patient,Medication&_contained=true", "inner mr2 mr1"),
    # chains go on inside
    ("MedicationRequest?medication.code=abc", "mr2 mr1 mr0"),
    ("MedicationRequest?medication:Medication.code=abc", "mr2 mr1 mr0"),
    ("MedicationRequest?medication.code=xyz", ""),
    ("MedicationRequest?medication.code:not=xyz", "mr2 mr1 mr0"),
    ("MedicationRequest?medication.code=abc&patient.name=silva", "mr2 mr1 mr0"),
    ("MedicationRequest?medication.manufacturer.name=north", "mr2"),
    ("MedicationRequest?_filter=medication[code eq abc].manufacturer pr true", "mr2"),
    ("Observation?subject.name=taylor", "inner"),
    ("Observation?patient.name=taylor&code=weight", "inner"),
    ("Observation?patient.name=s", "outer"),
    ("Observation?subject:Patient.organization.name=inside", "inner"),
    ("Observation?patient.gender=male,female", "outer inner"),
]


@pytest.mark.parametrize(("url", "ids"), FOUND)
async def test_finds(containers: World, url: str, ids: str) -> None:
    assert await containers.ids(url) == ids.split()
    assert await containers.pages(url + "&_count=1") == ids.split()
    assert (await containers.bundle(url + "&_summary=count"))["total"] == len(ids.split())


async def test_what_is_shown(containers: World) -> None:
    url = "Medication?code=abc&manufacturer=north&_contained=true"
    [entry] = (await containers.bundle(url))["entry"]
    assert entry["fullUrl"] == f"{BASE}/MedicationRequest/mr2"
    assert entry["resource"]["contained"][0]["id"] == "m1"
    [entry] = (await containers.bundle(f"{url}&_containedType=contained&_elements=code"))["entry"]
    assert entry["fullUrl"] == f"{BASE}/MedicationRequest/mr2#m1"
    assert (entry["search"]["mode"], entry["resource"]["id"]) == ("match", "m1")
    assert "manufacturer" not in entry["resource"]
    assert await containers.ids(f"{url}&_include=Medication:manufacturer", "include") == ["north"]
    assert await containers.ids(f"{url}&_include=*", "include") == ["north"]


async def test_changes_and_deletion(empty: World) -> None:
    await empty.put(*RESOURCES)
    await empty.put(request("mr1", "#m1", medication("m1", "xyz")))
    assert await empty.ids("Medication?code=abc&_contained=true") == ["mr2"]
    assert await empty.ids("Medication?code=xyz&_contained=true&_containedType=contained") == ["m1"]
    assert await empty.ids("MedicationRequest?medication.code=xyz") == ["mr1"]
    await empty.remove("MedicationRequest", "mr1")
    assert await empty.ids("Medication?code=xyz&_contained=true") == []
    assert await empty.ids("Medication?_contained=true") == ["mr2"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([("_contained", "perhaps")], "one of false, true, both"),
        ([("_contained", "true"), ("_containedType", "x")], "one of container, contained"),
        ([("_contained", "true"), ("_sort", "code")], "possible with _containedType=contained"),
        ([("_contained", "true"), ("_lastUpdated", "2020")], "_lastUpdated"),
    ],
)
def test_refused(parameters: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        parse_query("Medication", parameters, contained=True)
    with pytest.raises(Invalid, match=r"not here|one of"):
        parse_query("Medication", parameters)


@given(st.integers(1, 2**49), st.integers(0, MOST - 1), st.integers(1, 2**49), st.integers(0, MOST - 1))
def test_rids_tell_the_container_and_stand_in_its_order(rid: int, number: int, other: int, further: int) -> None:
    one, two = rid_of(rid, number), rid_of(other, further)
    assert (container(one), place(one)) == (rid, number)
    assert one < 0
    assert (one < two) is ((rid, -number) < (other, -further))
    assert container(last_of(one)) == rid
    assert last_of(one) == rid_of(rid, MOST - 1)
    assert (container(rid), last_of(rid)) == (rid, rid)
