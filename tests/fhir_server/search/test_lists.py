from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.query import parse_query
from fhir_server.store import ResourceStore
from fhir_server.version import Change
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, patient

USES = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"


def listed(id: str, *items: str, code: str | None = None, subject: str = "ann", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "List", "id": id, "status": "current", "mode": "working"} | more
    if code:
        found |= {"code": {"coding": [{"system": USES, "code": code}]}, "subject": {"reference": f"Patient/{subject}"}}
    return found | {"entry": [{"item": {"reference": item}} for item in items]}


def allergy(id: str, who: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "id": id, "patient": {"reference": f"Patient/{who}"}} | more


RESOURCES = (
    patient("ann", "Silva", "1980-02-29", "female"),
    patient("bob", "Souza", "1990-01-01", "male"),
    patient("cid", "Santos", None, "male"),
    *(allergy(id, who) for id, who in (("a1", "ann"), ("a2", "ann"), ("a3", "ann"), ("b1", "bob"))),
    listed("cohort", "Patient/ann", "Patient/cid", "AllergyIntolerance/a1"),
    listed("other", "Patient/bob"),
    listed("now", "AllergyIntolerance/a1", "AllergyIntolerance/a2", code="allergies"),
    listed("before", "AllergyIntolerance/a3", code="allergies", status="retired"),
    listed("bobs", "AllergyIntolerance/b1", "AllergyIntolerance/a3", code="allergies", subject="bob"),
    listed("drugs", "AllergyIntolerance/a3", code="medications"),
    listed("empty"),
)


@pytest.fixture
async def lists(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, "List", "empty") is None:
        await found.put(*RESOURCES)
    yield found
    store.close()


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("Patient?_list=cohort", "cid ann"),
        ("Patient?_list=cohort,other", "cid bob ann"),
        ("Patient?_list=cohort&_list=other", ""),
        ("Patient?_list=cohort&gender=male", "cid"),
        ("Patient?_list=cohort&_sort=birthdate", "ann cid"),
        ("Patient?_list=empty", ""),
        ("Patient?_list=nothing", ""),
        ("AllergyIntolerance?_list=cohort", "a1"),
        ("?_list=cohort", "a1 cid ann"),
        ("?_list=cohort&_type=Patient,AllergyIntolerance", "a1 cid ann"),
        ("Patient?_has:List:item:_id=cohort", "cid ann"),
        ("AllergyIntolerance?_list=$current-allergies", "b1 a3 a2 a1"),
        ("AllergyIntolerance?patient=ann&_list=$current-allergies", "a2 a1"),
        ("AllergyIntolerance?_list=$current-allergies&patient=Patient/ann", "a2 a1"),
        ("AllergyIntolerance?patient=cid&_list=$current-allergies", ""),
        ("AllergyIntolerance?patient=ann&_list=$current-medications", "a3"),
        ("AllergyIntolerance?patient=ann&_list=$current-medications,cohort", "a3 a1"),
        ("Patient/ann/AllergyIntolerance?_list=cohort", "a1"),
    ],
)
async def test_what_lists_refer_to(lists: World, url: str, ids: str) -> None:
    assert sorted(await lists.ids(url)) == sorted(ids.split())
    assert await lists.pages(url + "&_count=1") == await lists.ids(url)
    assert (await lists.bundle(url + "&_summary=count"))["total"] == len(ids.split())


async def test_a_long_list_is_read_by_pages(empty: World) -> None:
    many = [patient(f"p{number:03}", "Many", None, "male") for number in range(700)]
    async with empty.store.transaction(UNRESTRICTED) as unit:
        await unit.write([Change("Patient", one["id"], "PUT", one, None) for one in many])
    await empty.put(listed("long", *(f"Patient/p{number:03}" for number in range(600))))
    whole = [f"p{number:03}" for number in range(599, -1, -1)]
    assert await empty.pages("Patient?_list=long&_count=250") == whole
    assert await empty.pages("Patient?_list=long&gender=male&_count=250") == whole
    assert await empty.ids("Patient?_list=long&_sort=_id&_count=3") == ["p000", "p001", "p002"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("$current-drug-allergies", "functional lists here are"),
        ("$current-nonsense", "functional lists here are"),
        ("a b", "the id of a List"),
        ("", "the id of a List"),
    ],
)
def test_what_names_no_list_is_refused(value: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        parse_query("Patient", [("_list", value)])
