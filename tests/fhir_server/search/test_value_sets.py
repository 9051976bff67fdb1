"""`:in`, `:not-in`, `:above` and `:below` of tokens against value sets and code systems of the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.match import matches
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, coded, observation, patient

ANIMALS = "http://animals"
MANY = 20


def system(url: str, *concepts: dict[str, Any], content: str = "complete", id: str = "cs") -> dict[str, Any]:
    return {
        "resourceType": "CodeSystem", "id": id, "url": url, "status": "active", "content": content,
        "concept": list(concepts),
    }  # fmt: skip


def value_set(id: str, *include: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet", "id": id, "url": f"http://sets/{id}", "status": "active",
        "compose": {"include": list(include)}, **more,
    }  # fmt: skip


def seen(id: str, who: str, day: int, *codes: tuple[str, str], **more: Any) -> dict[str, Any]:
    found = observation(id, f"Patient/{who}", "x", f"2020-01-{day:02}", None, **more)
    return found | {"code": {"coding": [{"system": system, "code": code} for system, code in codes]}}


def codes(*codes: str, system: str = ANIMALS) -> dict[str, Any]:
    return {"system": system, "concept": [{"code": code} for code in codes]}


BIRDS = {"system": ANIMALS, "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}
RESOURCES = (
    system(ANIMALS, {"code": "animal", "concept": [{"code": "bird", "concept": [{"code": "hen"}]}, {"code": "eel"}]}),
    value_set("birds", BIRDS),
    value_set("old", codes("eel"), version="1", url="http://sets/versions", date="2020"),
    value_set("new", codes("hen"), version="2", url="http://sets/versions", date="2021"),
    value_set("nested", {"valueSet": ["http://sets/birds"]}, codes("weight", system="http://codes")),
    value_set("many", codes("hen", *(f"c{number}" for number in range(MANY))), codes("weight", system="http://codes")),
    value_set("whole", {"system": "http://codes"}),
    value_set("external", {"system": "http://snomed.info/sct", **{k: BIRDS[k] for k in ("filter",)}}),
    value_set("other", codes("hen", "final", system="http://other")),
    patient("ann", "Silva", "1980-02-29", "female", maritalStatus=coded("M", "http://marital")),
    patient("bob", "Souza", None, "male"),
    seen("bird", "ann", 1, (ANIMALS, "BIRD")),
    seen("hen", "ann", 2, (ANIMALS, "hen")),
    seen("eel", "bob", 3, (ANIMALS, "eel"), status="amended"),
    seen("weight", "bob", 4, ("http://codes", "weight")),
    seen("hen2", "bob", 5, ("http://others", "hen")),
    seen("both", "bob", 6, (ANIMALS, "hen"), ("http://codes", "weight")),
)  # fmt: skip


@pytest.fixture
async def animals(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, "Observation", "both") is None:
        await found.put(*RESOURCES)
    yield found
    store.close()


GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
STATUS = "http://hl7.org/fhir/ValueSet/observation-status"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("code:in=http://sets/birds", "both hen bird"),
        ("code:in=ValueSet/birds", "both hen bird"),
        (f"code:in={BASE}/ValueSet/birds", "both hen bird"),
        ("code:not-in=http://sets/birds", "hen2 weight eel"),
        ("code:in=http://sets/versions", "both hen"),
        ("code:in=http://sets/versions|1", "eel"),
        ("code:in=http://sets/nested", "both weight hen bird"),
        ("code:in=http://sets/many", "both weight hen"),
        ("code:not-in=http://sets/many", "hen2 eel bird"),
        ("code:in=http://sets/whole", "both weight"),
        ("code:not-in=http://sets/whole", "hen2 eel hen bird"),
        ("code:in=http://sets/other", ""),
        ("code:in=http://sets/versions|1,http://sets/whole", "both weight eel"),
        ("code:in=http://sets/birds&code:in=http://sets/whole", "both"),
        (f"status:in={STATUS}&code:in=http://sets/versions|1", "eel"),
        (f"status:not-in={STATUS}", ""),
        ("status:in=http://sets/other", ""),
        ("patient=ann&code:in=http://sets/birds", "hen bird"),
        ("patient=bob&code:in=http://sets/many", "both weight"),
        ("patient=bob&code:not-in=http://sets/many", "hen2 eel"),
        ("code:in=http://sets/many&_sort=date", "hen weight both"),
        ("code:in=http://sets/birds&_sort=-date", "both hen bird"),
        ("code:in=http://sets/many&date=ge2020-01-04", "both weight"),
        (
            "patient.gender:in=http://hl7.org/fhir/ValueSet/administrative-gender&code:in=http://sets/birds",
            "both hen bird",
        ),
        ("code:below=http://animals|bird", "both hen bird"),
        ("code:below=http://animals|animal", "both eel hen bird"),
        ("code:above=http://animals|hen", "both hen bird"),
        ("code:above=http://animals|EEL", "eel"),
        ("status:below=amended", "eel"),
        ("_filter=code in http://sets/birds", "both hen bird"),
        ("_filter=code ni http://sets/birds", "hen2 weight eel"),
        ("_filter=code in http://sets/birds and not(code in http://sets/whole)", "hen bird"),
        ("_filter=code ss http://animals|bird or status eq amended", "both eel hen bird"),
        ("_filter=code sb http://animals|hen", "both hen bird"),
        (
            "_filter=patient[gender in http://hl7.org/fhir/ValueSet/administrative-gender].name sw sou",
            "both hen2 weight eel",
        ),
        ("code:code-text=he", "both hen2 hen"),
        ("code:code-text=HEN", "both hen2 hen"),
        ("code:code-text=bird,wei", "both weight bird"),
        ("code:code-text=none", ""),
        ("status:code-text=AM", "eel"),
        ("patient=bob&code:code-text=he", "both hen2"),
        ("patient=bob&combo-code:code-text=eel", "eel"),
    ],
)
async def test_finds(animals: World, query: str, ids: str) -> None:
    assert await animals.pages(f"Observation?{query}&_count=2") == ids.split()
    bundle = await animals.bundle(f"Observation?{query}&_summary=count")
    assert bundle["total"] == len(ids.split())


async def test_chains(animals: World) -> None:
    assert await animals.ids("Patient?_has:Observation:patient:code:in=http://sets/whole") == ["bob"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("code:in=http://sets/nothing", "'code:in': the value set is neither stored nor shipped here"),
        ("code:not-in=ValueSet/nothing", "'code:not-in': the value set is neither stored nor shipped here"),
        ("code:in=http://sets/external", r"compose.include\[0\].filter\[0\]: the concepts of its system are neither"),
        ("code:below=http://loinc.org|1", "'code:below': the concepts of the code's system are neither stored"),
        ("code:below=bird", r"wants system\|code"),
        ("identifier:in=http://sets/birds", "'identifier' has no codes"),
        ("code:in=http://sets/%00", "is no uri"),
        ("identifier:code-text=a", "'identifier:code-text': it has no codes"),
    ],
)
async def test_refuses(animals: World, query: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        await animals.ids(f"Observation?{query}")


async def test_conditions_look_value_sets_up(animals: World) -> None:
    found = await matches(animals.store, UNRESTRICTED, BASE, "Observation", [("code:in", "http://sets/versions|1")])
    assert [id for _, id in found] == ["eel"]


async def test_what_changes_takes_effect_at_once_and_nothing_else_is_read(empty: World) -> None:
    statements: list[Statement] = []
    select = empty.store.select

    async def counted(statement: Statement) -> Any:
        statements.append(statement)
        return await select(statement)

    await empty.put(*RESOURCES[:2], *RESOURCES[9:])
    empty.store.select = counted  # type: ignore[method-assign]
    query = "Observation?code:in=http://sets/birds"
    assert await empty.ids(query) == ["both", "hen", "bird"]
    first = len(statements)
    assert await empty.ids(query) == ["both", "hen", "bird"]
    assert len(statements) - first == 2
    assert ", r.body" not in statements[first].text
    await empty.put(system(ANIMALS, {"code": "bird"}))
    assert await empty.ids(query) == ["bird"]
    await empty.put(value_set("birds", codes("eel")))
    assert await empty.ids(query) == ["eel"]
    await empty.put(value_set("more", codes("hen"), url="http://sets/birds", date="2024"))
    assert await empty.ids(query) == ["both", "hen"]
    await empty.remove("ValueSet", "more")
    assert await empty.ids(query) == ["eel"]
    await empty.remove("ValueSet", "birds")
    with pytest.raises(Invalid, match="neither stored nor shipped"):
        await empty.ids(query)


async def test_code_text_reads_no_resource_twice(empty: World) -> None:
    statements: list[Statement] = []
    select = empty.store.select

    async def counted(statement: Statement) -> Any:
        statements.append(statement)
        return await select(statement)

    await empty.put(*RESOURCES[9:])
    empty.store.select = counted  # type: ignore[method-assign]
    assert await empty.ids("Observation?code:code-text=h") == ["both", "hen2", "hen"]
    assert len(statements) == 3
    assert await empty.ids("Observation?code:code-text=e") == ["eel"]
    assert len(statements) == 5
    await empty.put(seen("elk", "ann", 9, (ANIMALS, "elk")))
    assert await empty.ids("Observation?code:code-text=e") == ["elk", "eel"]


async def test_a_large_set(empty: World) -> None:
    many = [f"x{number}" for number in range(100_000)]
    await empty.put(
        *RESOURCES[9:], value_set("large", codes("hen", *many), codes("weight", *many, system="http://codes"))
    )
    assert await empty.ids("Observation?code:in=http://sets/large") == ["both", "weight", "hen"]
    assert await empty.ids("Observation?code:in=http://sets/large&_sort=date") == ["hen", "weight", "both"]
    assert await empty.ids("Observation?code:in=http://sets/large&patient=ann") == ["hen"]
    [kept] = empty.store.expansions._kept.values()
    assert sum(len(each.hashes) for each in kept.members) == 200_002
