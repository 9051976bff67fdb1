"""`:missing`: right however a resource came to have its parameters, or to lose them, and whatever is known of it."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from fhir_server.parameter_sets import ParameterSets
from fhir_server.reindex.run import run_reindex
from fhir_server.search.index import index_rows
from fhir_server.search.parameters import FULL_TEXT, parameters_of, tables_of
from fhir_server.search.presence import UNKNOWN
from fhir_server.store import ResourceStore
from tests.fhir_server.search.conftest import BASE, RESOURCES, World, observation, patient

PAGE = "_count=100"


def sql(url: str, text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def lacking(kind: str, code: str) -> set[str]:
    """Ids of RESOURCES without a row of the parameter."""
    tables = tables_of(parameters_of(kind)[code])
    found = [(one["id"], index_rows(one, BASE)) for one in RESOURCES if one["resourceType"] == kind]
    return {id for id, rows in found if not any(row[0] in ids for table, ids in tables for row in getattr(rows, table))}


async def agree(world: World) -> None:
    """What RESOURCES lack is found as their rows have it, in every kind of search."""
    for kind in ("Patient", "Observation", "Encounter"):
        every = {one["id"] for one in RESOURCES if one["resourceType"] == kind}
        for code, parameter in parameters_of(kind).items():
            if parameter.column or code in FULL_TEXT:
                continue
            absent = lacking(kind, code)
            assert set(await world.ids(f"{kind}?{code}:missing=true&{PAGE}")) == absent, (kind, code)
            assert set(await world.ids(f"{kind}?{code}:missing=false&{PAGE}")) == every - absent, (kind, code)
    for url, ids in (
        ("Observation?encounter:missing=true", "h2 h1"),
        ("Observation?encounter:missing=true&_sort=date", "h1 h2"),
        ("Observation?encounter:missing=true&date:missing=true", "h2"),
        ("Observation?encounter:missing=false&code=weight&_sort=-date", "w3 w2 w1"),
        ("Observation?encounter:missing=true&code=weight", ""),
        ("Observation?encounter:missing=true&status:not=amended", "h1"),
        ("Observation?value-quantity:missing=false&date=2020", "w2 w1"),
        ("Observation?patient=ann&encounter:missing=true", "h1"),
        ("Observation?patient.birthdate:missing=true", "h2"),
        ("Observation?patient.birthdate:missing=false&code=height", "h1"),
        ("Patient?_has:Observation:patient:date:missing=true", "cid"),
        ("Patient?_has:Observation:patient:encounter:missing=false", "bob ann"),
        ("Observation?_filter=encounter pr false and not (date pr true)", "h2"),
        ("?_type=Patient,Encounter&_tag:missing=false", "ann"),
        ("?_type=Patient,Encounter&_tag:missing=true", "visit stay cid bob"),
    ):
        assert await world.ids(url) == ids.split(), url
    assert await world.pages("Observation?category:missing=false&_count=2") == ["h2", "h1", "w3", "w2", "w1"]
    assert (await world.bundle("Observation?encounter:missing=false&_summary=count"))["total"] == 3
    assert (await world.bundle("Observation?encounter:missing=true&_total=accurate&_count=1"))["total"] == 2


async def test_whatever_is_known_of_a_resource(empty: World, database: str) -> None:
    await empty.put(*RESOURCES)
    await agree(empty)
    numbers = sql(database, "select rid, parameter_set from resource order by rid")
    assert UNKNOWN not in {number for _, number in numbers}
    sql(database, f"update resource set parameter_set = {UNKNOWN} where rid % 2 = 0")
    await agree(empty)
    sql(database, f"update resource set parameter_set = {UNKNOWN}")
    await agree(empty)
    await asyncio.to_thread(run_reindex, database, BASE, "test", {"types": []}, lambda done, total: None)
    assert sql(database, "select rid, parameter_set from resource order by rid") == numbers
    await agree(empty)


async def test_a_type_with_too_many_sets(empty: World, database: str) -> None:
    empty.store.parameter_sets = ParameterSets(empty.store._points, 2)
    await empty.put(*RESOURCES)
    assert max(sql(database, "select count(*) from parameter_set group by type_id")) == (2,)
    assert sql(database, f"select 1 from resource where parameter_set = {UNKNOWN}")
    await agree(empty)
    # A process that finds the type full makes no further one either, and knows those there are.
    other = ResourceStore(database, BASE)
    other.parameter_sets = ParameterSets(other._points, 2)
    await World(other).put(
        patient("dan", "Silva", "1980-01-01", "male", active=True), patient("eva", "Li", None, "male")
    )
    other.close()
    assert max(sql(database, "select count(*) from parameter_set group by type_id")) == (2,)
    assert await empty.ids("Patient?active:missing=false") == ["dan"]
    assert await empty.ids("Patient?birthdate:missing=true") == ["eva", "cid"]


async def test_a_resource_gains_and_loses_parameters(empty: World) -> None:
    await empty.put(patient("a", "Silva", "1980-01-01", "female"), patient("b", "Souza", None, "male"))
    assert await empty.ids("Patient?birthdate:missing=true") == ["b"]
    assert await empty.ids("Patient?birthdate:missing=false") == ["a"]
    await empty.put(patient("a", "Silva", None, "female"), patient("b", "Souza", "1990-01-01", "male"))
    assert await empty.ids("Patient?birthdate:missing=true") == ["a"]
    assert await empty.ids("Patient?birthdate:missing=false") == ["b"]
    await empty.remove("Patient", "a")
    assert await empty.ids("Patient?birthdate:missing=true") == []
    await empty.put(patient("a", "Silva", "1980-01-01", "female"))
    assert await empty.ids("Patient?birthdate:missing=false") == ["b", "a"]


async def test_processes_that_meet_the_same_new_sets_at_once(empty: World, database: str) -> None:
    await empty.put(RESOURCES[0], patient("p", "Silva", "1980-01-01", "female"))
    stores = [ResourceStore(database, BASE) for _ in range(4)]
    values = [(when, value) for when in (None, "2020-01-01") for value in (None, "60")]

    async def write(number: int) -> None:
        for turn, (when, value) in enumerate(values):
            await World(stores[number]).put(observation(f"o{number}-{turn}", "Patient/p", "weight", when, value))

    await asyncio.gather(*map(write, range(len(stores))))
    for store in stores:
        store.close()
    found = sql(database, "select type_id, param_ids, count(*) from parameter_set group by type_id, param_ids")
    assert {count for *_, count in found} == {1}
    used = sql(database, "select parameter_set, count(*) from resource where fhir_id like 'o%' group by parameter_set")
    assert sorted(count for _, count in used) == [4, 4, 4, 4]
    assert UNKNOWN not in {number for number, _ in used}
    assert len(await empty.ids(f"Observation?date:missing=true&{PAGE}")) == 8
    assert len(await empty.ids(f"Observation?date:missing=true&value-quantity:missing=false&{PAGE}")) == 4
