"""Codes that occur together: noted before what has them, and asked where two dense sets may never meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from bench.plans import explained, statement_of
from fhir_server import migrations
from fhir_server.search import few
from fhir_server.search.by_token import folded
from fhir_server.search.index import index_rows
from fhir_server.search.pairs import pairs_of
from fhir_server.search.parameters import shipped
from fhir_server.store import Change, ResourceStore, VersionConflict
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, coded, forget, observation, patient

Noted = set[tuple[int, int, int, int]]


def pair(resource_type: str, code: str, beside: str, value: str) -> tuple[int, int, int, int]:
    known = shipped(resource_type)
    ids = [one.param_id for name in ("code", beside) if (one := known.get(name))]
    return ids[0], folded(code, None)[0], ids[1], folded(value, None)[0]


def noted(connection: Connection[Any]) -> Noted:
    return set(connection.execute("select * from token_pair").fetchall())


@pytest.fixture
def everything_is_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "FEW", 0)
    forget()


def test_each_code_is_paired_with_each_category_and_status() -> None:
    resource = observation("a", "Patient/p", "Weight", "2020-01-01", "1")
    resource["code"]["coding"].append({"code": "mass"})
    found = pairs_of("Observation", index_rows(resource, BASE).token)
    assert set(found) == {
        pair("Observation", code, beside, value)
        for code in ("weight", "mass")
        for beside, value in (("category", "vital-signs"), ("status", "final"))
    }
    assert len(found) == 4


def test_what_has_no_code_or_nothing_beside_it_has_no_pair() -> None:
    for resource in (patient("p", "P", None, "male"), {"resourceType": "Condition", "code": coded("x")}):
        assert not pairs_of(resource["resourceType"], index_rows(resource, BASE).token)


@pytest.mark.usefixtures("everything_is_dense")
async def test_codes_that_never_met_are_not_looked_for(empty: World) -> None:
    await empty.put(
        patient("p", "P", None, "male"),
        *(observation(f"o{n}", "Patient/p", "weight", "2020-01-01", "1") for n in range(5)),
        observation("h", "Patient/p", "height", "2020-01-01", "1", category=[coded("exam")]),
    )
    for search, ids in {
        "code=weight&category=exam": "",
        "code=http://codes|weight&category=http://codes|exam,procedure": "",
        "code=weight&category=exam&_sort=-date": "",
        "code=weight,height&category=exam": "h",
        "code=HEIGHT&category=Exam&status=final": "h",
        "code=weight&category:not=exam&status=final": "o4 o3 o2 o1 o0",
        "code=weight&category=http://codes|": "o4 o3 o2 o1 o0",
    }.items():
        assert await empty.ids(f"Observation?{search}") == ids.split(), search
    plan = await explained(empty.store, statement_of("Observation", [("code", "weight"), ("category", "exam")]))
    assert plan.read == 2, plan.line  # one row to know that either set is not empty


@pytest.mark.usefixtures("everything_is_dense")
async def test_whatever_way_a_pair_comes_about_it_is_found(empty: World, database: str) -> None:
    first = observation("o", "Patient/p", "weight", "2020-01-01", "1")
    await empty.put(patient("p", "P", None, "male"), first)
    search = "Observation?code=weight&category=exam"
    assert await empty.ids(search) == []
    # Only what is beside the code changes.
    await empty.put(first | {"category": [coded("exam")]})
    assert await empty.ids(search) == ["o"]
    await empty.remove("Observation", "o")
    assert await empty.ids(search) == []
    # The pair is known, and need not be written again.
    await empty.put(observation("again", "Patient/p", "weight", "2020-01-01", "1", category=[coded("exam")]))
    assert await empty.ids(search) == ["again"]
    # In a transaction, by another process.
    other = ResourceStore(database, BASE)
    try:
        one = observation("t", "Patient/p", "height", "2020-01-01", "1", category=[coded("exam")])
        async with other.transaction(UNRESTRICTED) as unit:
            await unit.write([Change("Observation", "t", "PUT", one, None)])
    finally:
        other.close()
    assert await empty.ids("Observation?code=height&category=exam") == ["t"]
    assert await empty.ids("Observation?code=height&category=vital-signs") == []


@pytest.mark.usefixtures("everything_is_dense")
async def test_what_is_refused_may_leave_a_pair_and_nothing_else(empty: World) -> None:
    await empty.put(patient("p", "P", None, "male"), observation("o", "Patient/p", "weight", "2020-01-01", "1"))
    changed = observation("o", "Patient/p", "weight", "2020-01-01", "1", category=[coded("exam")])
    previous = await empty.store.read(UNRESTRICTED, "Observation", "o")
    await empty.put(observation("o", "Patient/p", "weight", "2020-01-02", "1"))
    with pytest.raises(VersionConflict):
        await empty.store.write(Change("Observation", "o", "PUT", changed, previous))
    assert await empty.ids("Observation?code=weight&category=exam") == []
    await empty.put(changed)
    assert await empty.ids("Observation?code=weight&category=exam") == ["o"]


async def test_the_migration_notes_the_pairs_of_what_is_there(empty: World, database: str) -> None:
    await empty.put(
        patient("p", "P", None, "male"),
        observation("w", "Patient/p", "weight", "2020-01-01", "1"),
        {
            "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": coded("flu"),
            "category": [coded("problem")], "clinicalStatus": coded("active"), "verificationStatus": coded("refuted"),
        },
        {
            "resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}, "status": "active",
            "intent": "order", "medicationCodeableConcept": coded("drug"),
        },
    )  # fmt: skip
    text = (Path(migrations.__file__).parent / "versions" / "0015_token_pairs.sql").read_text()
    with psycopg.connect(database, autocommit=True) as connection:
        before = noted(connection)
        assert pair("Condition", "flu", "verification-status", "refuted") in before
        assert pair("MedicationRequest", "drug", "intent", "order") in before
        connection.execute("truncate token_pair")
        connection.execute(text[text.index("insert into") : text.index("analyze")])
        assert noted(connection) == before
