"""Patients by the codes that they have, from an index that is stepped through, and by any other way."""

from __future__ import annotations

import pytest

from bench.plans import explained, statement_of
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.schema.search_rows import CODES_OF_PATIENTS
from fhir_server.search.condition import to_patient
from fhir_server.search.parameters import shipped
from fhir_server.search.query import parse_query
from fhir_server.search.select import select
from fhir_server.search.timeline import dated_code
from hub.authorization import known
from smart_auth.scopes import Access, parse
from tests.fhir_server.search.conftest import BASE, World, observation, patient

SEARCH = "Patient?_has:Observation:patient:code="


def test_the_index_has_the_codes_of_what_patients_have() -> None:
    found = {
        code.param_id
        for name in RESOURCE_TYPES
        if (code := dated_code(name)) and (reference := shipped(name).get("patient")) and to_patient(reference)
    }
    assert found == set(CODES_OF_PATIENTS)


@pytest.fixture
async def world(empty: World) -> World:
    """Patients of whom every second has a, the newest very often, and every fifth b."""
    people = [patient(f"p{n}", f"Name{n}", None, ("male", "female")[n % 2]) for n in range(20)]
    await empty.put(*people)
    for n in range(20):
        if n % 2 == 0:
            await empty.put(*(observation(f"a{n}-{turn}", f"Patient/p{n}", "a", None, None) for turn in range(n)))
        if n % 5 == 0:
            await empty.put(observation(f"b{n}", f"Patient/p{n}", "b", None, None))
    return empty


def named(*numbers: int) -> list[str]:
    return [f"p{n}" for n in numbers]


@pytest.mark.parametrize(
    ("code", "numbers"),
    [
        ("a", range(18, 0, -2)),
        ("http://codes|a", range(18, 0, -2)),
        ("http://else|a", ()),
        ("|a", ()),
        ("b", (15, 10, 5, 0)),
        ("a,b", (18, 16, 15, 14, 12, 10, 8, 6, 5, 4, 2, 0)),
        ("none", ()),
    ],
)
async def test_found(world: World, code: str, numbers: range) -> None:
    assert await world.pages(f"{SEARCH}{code}") == named(*numbers)
    assert await world.pages(f"{SEARCH}{code}&_count=2") == named(*numbers)
    assert await world.pages(f"{SEARCH}{code}&gender=male,female&_count=3") == named(*numbers), "by another way"


async def test_read_row_by_row(world: World) -> None:
    """Of those that have it often no more than of others."""
    plan = await explained(
        world.store, statement_of("Patient", [("_has:Observation:patient:code", "a"), ("_count", "3")])
    )
    assert plan.read <= 5 * plan.returned + 5, plan.line


async def test_deleted_and_replaced(world: World) -> None:
    await world.remove("Observation", "b15")
    await world.put(observation("b10", "Patient/p11", "b", None, None))
    assert await world.ids(f"{SEARCH}b") == named(11, 5, 0)


@pytest.mark.parametrize(
    ("scope", "numbers"),
    [
        ("system/Patient.rs system/Observation.rs", (15, 10, 5, 0)),
        ("system/Patient.rs system/Observation.rs?status=amended", (10,)),
        ("patient/Patient.rs patient/Observation.rs", (5,)),
        ("system/Patient.rs patient/Observation.rs", (5,)),
    ],
)
async def test_as_far_as_may_be_seen(world: World, scope: str, numbers: tuple[int, ...]) -> None:
    await world.put(observation("b10", "Patient/p10", "b", None, None, status="amended"))
    access = Access("s", unrestricted=False, scopes=parse(scope, known).resources, patient="p5").using("s")
    statement = select(parse_query("Patient", [("_has:Observation:patient:code", "b")]), access, BASE)
    rows = await world.store.select(statement)
    assert [(row[3] or b"").decode() for row in rows] == named(*numbers)
