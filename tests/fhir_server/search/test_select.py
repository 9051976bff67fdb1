from __future__ import annotations

import pytest

from fhir_server.search.query import parse_query
from fhir_server.search.select import select
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import World, patient

FOUND: list[tuple[str, str]] = [
    # without order: newest rid first
    ("Patient", "cid bob ann"),
    ("Patient?_id=bob", "bob"),
    ("Patient?_id=bob,ann,none", "bob ann"),
    ("Patient?_id:not=bob", "cid ann"),
    ("Patient?gender=male", "cid bob"),
    ("Patient?gender=male,female", "cid bob ann"),
    ("Patient?gender:not=male", "ann"),
    ("Patient?gender=male&name=sou", "bob"),
    ("Patient?name=s", "cid bob ann"),
    ("Patient?name:exact=Silva", "ann"),
    ("Patient?name=silva,souza&gender=female,male", "bob ann"),
    ("Patient?birthdate=1980", "ann"),
    ("Patient?birthdate=ge1980-01-01&birthdate=lt1990", "ann"),
    ("Patient?birthdate:missing=true", "cid"),
    ("Patient?birthdate:missing=false", "bob ann"),
    ("Patient?identifier:missing=true", "bob"),
    ("Patient?identifier=http://ids|A-1,http://ids|C-3", "cid ann"),
    ("Patient?_tag=http://tags|vip", "ann"),
    ("Patient?organization=north", "bob"),
    ("Patient?organization=Organization/bed", "ann"),
    ("Patient?organization=http://fhir.example.org/fhir/Organization/bed", "ann"),
    ("Patient?organization:missing=true", "cid"),
    # the patient's own tables
    ("Observation?patient=ann", "h1 w2 w1"),
    ("Observation?subject=Patient/ann&code=weight", "w2 w1"),
    ("Observation?patient=ann&code=weight,height", "h1 w2 w1"),
    ("Observation?patient=ann&code=weight&category=vital-signs", "w2 w1"),
    ("Observation?patient=ann&code=weight&date=ge2020-02-01", "w2"),
    ("Observation?patient=ann&code:not=weight", "h1"),
    ("Observation?patient=nobody&code=weight", ""),
    ("Observation?patient=ann,bob&code=weight", "w3 w2 w1"),
    # values
    ("Observation?value-quantity=gt61|http://unitsofmeasure.org|kg", "w3 w2"),
    ("Observation?value-quantity=ge60000|http://unitsofmeasure.org|g&value-quantity=lt62|http://unitsofmeasure.org|kg",
     "w2 w1"),
    ("Observation?code-value-quantity=http://codes|weight$gt61", "w3 w2"),
    ("Encounter?date=2020-02-15", ""),
    ("Encounter?date=ge2020-02-15&date=le2020-12", "stay"),
    # chains
    ("Observation?patient.name=silva", "h1 w2 w1"),
    ("Observation?subject:Patient.gender=male", "h2 w3"),
    ("Observation?subject.name=silva&code=weight", "w2 w1"),
    ("Observation?patient.organization.name=bed", "h1 w2 w1"),
    ("Observation?patient.organization.partof.name=ward", "h1 w2 w1"),
    ("Observation?patient.birthdate:missing=true", "h2"),
    ("Observation?patient.gender:not=male", "h1 w2 w1"),
    ("Observation?patient._id=bob", "w3"),
    ("Encounter?patient.identifier=http://ids|A-1", "stay"),
    ("Observation?code=weight&category=vital-signs", "w3 w2 w1"),
    ("Observation?code=weight&category=exam", ""),
    ("Observation?code=weight&status=amended&_sort=-date", ""),
    ("Patient?_has:Observation:patient:code=weight", "bob ann"),
    ("Patient?_has:Observation:patient:status=amended", "cid"),
    ("Patient?_has:Observation:performer:code=height", "ann"),
    ("Patient?_has:Observation:patient:_has:Provenance:target:recorded=2020-01-11", "ann"),
    ("Organization?_has:Patient:organization:_has:Encounter:patient:class=IMP", "bed"),
    ("Observation?encounter.patient._has:Observation:performer:code=height", "w2 w1"),
    ("Patient?_has:Observation:patient:code=weight&gender=male", "bob"),
    # chains inside reverse chains and the other way around, three deep
    ("Patient?_has:Observation:patient:performer:Patient.name=silva", "cid"),
    ("Patient?_has:Observation:patient:encounter.class=AMB", "bob"),
    ("Patient?_has:Observation:patient:encounter.patient.name=silva", "ann"),
    ("Organization?_has:Patient:organization:_has:Observation:patient:_has:Provenance:target:recorded=2020", "bed"),
    ("Organization?_has:Patient:organization:_has:Observation:patient:encounter.class=AMB", "north"),
    ("Observation?patient._has:Encounter:patient:class=AMB", "w3"),
    ("Observation?subject:Patient._has:Observation:performer:code=height", "h1 w2 w1"),
    ("Observation?patient.organization._has:Organization:partof:name=ward", "w3"),
    ("Patient?organization._has:Organization:partof:_has:Organization:partof:name=bed", "bob"),
    ("Patient?_has:Observation:patient:status:not=final", "cid"),
    ("Patient?_has:Observation:patient:date:missing=true", "cid"),
    # order
    ("Patient?_sort=name", "cid ann bob"),
    ("Patient?_sort=-name", "bob ann cid"),
    ("Patient?_sort=birthdate", "ann bob cid"),
    ("Patient?_sort=-birthdate", "bob ann cid"),
    ("Patient?_sort=gender,-name", "ann bob cid"),
    ("Patient?_sort=-gender,name", "cid bob ann"),
    ("Patient?_sort=_id", "ann bob cid"),
    ("Patient?_sort=-_id", "cid bob ann"),
    ("Patient?_sort=_lastUpdated", "ann bob cid"),
    ("Patient?_sort=-_lastUpdated&gender=male", "cid bob"),
    ("Patient?_sort=organization", "ann bob cid"),
    ("Observation?_sort=date", "w1 h1 w2 w3 h2"),
    ("Observation?_sort=-date", "w3 w2 h1 w1 h2"),
    ("Observation?_sort=-date&code=weight", "w3 w2 w1"),
    ("Observation?_sort=-date&date=ge2020-01-12&date=lt2021", "w2 h1"),
    ("Observation?_sort=date&patient=ann", "w1 h1 w2"),
    ("Observation?_sort=-date&patient=ann&code=weight", "w2 w1"),
    ("Observation?_sort=-date&patient=ann&date=ge2020-01-12&date=lt2020-02", "h1"),
    ("Observation?_sort=-date&subject=Patient/cid", "h2"),
    ("Observation?_sort=code,-date", "h1 h2 w3 w2 w1"),
    ("Observation?_sort=status,date", "h2 w1 h1 w2 w3"),
    ("Observation?_sort=-value-quantity", "w3 w2 w1 h2 h1"),
    ("Encounter?_sort=-date", "visit stay"),
    ("Encounter?_sort=date", "stay visit"),
    ("Patient?_sort=identifier", "ann cid bob"),
    ("Patient?_sort=-identifier", "cid ann bob"),
    ("Patient?_sort=-identifier&identifier=http://ids|", "cid ann"),
    ("Patient?_sort=deceased,_id", "ann bob cid"),
    ("Patient?_sort=email,_id", "ann bob cid"),
    ("ImagingStudy?_sort=instance", ""),
    # order by what is referred to
    ("Observation?_sort=patient.name", "h2 h1 w2 w1 w3"),
    ("Observation?_sort=-patient.name", "w3 h1 w2 w1 h2"),
    ("Observation?_sort=patient.birthdate", "h1 w2 w1 w3 h2"),
    ("Observation?_sort=-subject:Patient.birthdate", "w3 h1 w2 w1 h2"),
    ("Observation?_sort=patient.birthdate,date", "w1 h1 w2 w3 h2"),
    ("Observation?_sort=status,-patient.name", "h2 w3 h1 w2 w1"),
    ("Observation?_sort=patient.organization.name", "h1 w2 w1 w3 h2"),
    ("Observation?_sort=patient.organization", "h1 w2 w1 w3 h2"),
    ("Observation?_sort=patient.organization.partof.name,date", "w1 h1 w2 w3 h2"),
    ("Observation?_sort=patient.gender", "h1 w2 w1 h2 w3"),
    ("Observation?_sort=patient._id", "h1 w2 w1 w3 h2"),
    ("Observation?_sort=-patient._lastUpdated", "h2 w3 h1 w2 w1"),
    ("Observation?_sort=-patient.identifier", "h2 h1 w2 w1 w3"),
    ("Observation?_sort=encounter.date", "w2 w1 w3 h2 h1"),
    ("Observation?_sort=performer:Patient.name", "h2 h1 w3 w2 w1"),
    ("Observation?code=weight&_sort=-patient.name", "w3 w2 w1"),
    ("Observation?patient=ann&_sort=encounter.date,-date", "w2 w1 h1"),
    ("Patient?_sort=organization.partof.name", "ann cid bob"),
    ("?_type=Encounter,Observation&_sort=patient.name,_id", "h2 h1 stay w1 w2 visit w3"),
    # a range of dates is in their order
    ("Observation?date=ge2020-01-12", "w3 w2 h1"),
    ("Observation?date=2020&code=weight", "w2 w1"),
    ("Observation?date=2020&code=weight,height&code:not=nothing", "w2 h1 w1"),
    ("Observation?code=http://codes|weight,http://codes|height&_sort=-date", "w3 w2 h1 w1 h2"),
    ("Observation?code=height&_sort=date", "h1 h2"),
    ("Observation?code=weight&status=final&_sort=date&date=ge2020-02", "w2 w3"),
    ("Encounter?date=ge2020-02-15", "visit stay"),
    ("Observation?_lastUpdated=ge2000", "h2 h1 w3 w2 w1"),
    # several types, by what they have in common
    ("?_type=Encounter,Observation&_sort=date", "stay w1 h1 w2 w3 visit h2"),
    ("?_type=Encounter,Observation&_sort=-date", "visit w3 w2 h1 w1 stay h2"),
    ("?_type=Encounter,Observation&_sort=-date&patient=ann", "w2 h1 w1 stay"),
    ("?_type=Encounter,Observation&_sort=patient,date", "stay w1 h1 w2 w3 visit h2"),
    ("?_type=Patient,Organization&_sort=name", "bed north cid ann bob ward"),
    ("?_type=Patient,Organization&_sort=active,-_id", "north ward cid bob bed ann"),
    ("?_sort=_tag,_id&_type=Organization,Patient", "ann bed bob cid north ward"),
    ("Patient/ann/*?_sort=-_lastUpdated", "h2 h1 w2 w1 stay ann"),
    # several types
    ("?_type=Patient,Organization", "cid bob ann bed ward north"),
    ("?_type=Patient,Organization&_id=ann,ward", "ann ward"),
    ("?_type=Patient,Organization&_lastUpdated=ge2000", "cid bob ann bed ward north"),
    ("?_type=Patient,Organization&_lastUpdated=ge2000&_id=ann,ward,visit", "ann ward"),
    ("?_type=Patient,Organization&_lastUpdated=lt2000", ""),
    ("?_tag=http://tags|vip", "ann"),
    ("?_type=Patient&_sort=_id", "ann bob cid"),
    # compartments
    ("Patient/ann/Observation", "h2 h1 w2 w1"),
    ("Patient/ann/Observation?code=height", "h2 h1"),
    ("Patient/ann/*?_sort=_id", "ann h1 h2 stay w1 w2"),
    ("Patient/ann/*?_type=Encounter", "stay"),
    ("Encounter/stay/Observation", "w2 w1"),
    ("Patient/nobody/Observation", ""),
]  # fmt: skip


@pytest.mark.parametrize(("url", "ids"), FOUND)
async def test_a_search_finds_in_order(world: World, url: str, ids: str) -> None:
    assert await world.ids(url) == ids.split()


@pytest.mark.parametrize(("url", "ids"), FOUND)
async def test_the_total_is_the_number_found(world: World, url: str, ids: str) -> None:
    joined = url + ("&" if "?" in url else "?")
    if "_summary" not in url:
        assert (await world.bundle(joined + "_summary=count"))["total"] == len(ids.split())
        assert (await world.bundle(joined + "_total=accurate&_count=1"))["total"] == len(ids.split())


@pytest.mark.parametrize(("url", "ids"), [found for found in FOUND if found[1].count(" ") > 0])
async def test_pages_of_one_are_the_whole(world: World, url: str, ids: str) -> None:
    joined = url + ("&" if "?" in url else "?")
    assert await world.pages(joined + "_count=1") == ids.split()


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("Observation?_id=w1&_include=Observation:patient", "ann"),
        ("Observation?_id=w1&_include=Observation:subject:Patient", "ann"),
        ("Observation?_id=w1&_include=Observation:subject:Group", ""),
        ("Observation?code=weight&_include=Observation:patient", "ann bob"),
        ("Observation?_id=w1&_include=Observation:*", "ann stay"),
        ("Observation?_id=w1&_include=*", "ann stay"),
        ("Observation?_id=w1&_include=Encounter:patient", ""),
        ("Observation?_id=w1&_include=Observation:encounter&_include:iterate=Encounter:patient", "ann stay"),
        ("Patient?_id=ann&_include=Patient:organization", "bed"),
        ("Patient?_id=ann&_include=Patient:organization&_include:iterate=Organization:partof", "bed north ward"),
        ("Organization?_id=bed&_include:iterate=Organization:partof", "north ward"),
        ("Organization?_id=bed&_include=Organization:partof", "ward"),
        ("Patient?_id=ann&_revinclude=Observation:patient", "h1 w1 w2"),
        ("Patient?_id=ann&_revinclude=Observation:patient&_revinclude:iterate=Provenance:target", "h1 pv w1 w2"),
        ("Observation?_id=w1&_revinclude=*", "pv"),
        ("Observation?code=weight&_count=1&_include=Observation:patient", "bob"),
        # what is a match is not included again
        ("Organization?_include=Organization:partof", ""),
    ],
)
async def test_includes(world: World, url: str, ids: str) -> None:
    assert sorted(await world.ids(url, "include")) == ids.split()


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("Patient?_id={},ann,bob", "bob ann"),
        ("Patient?_id:not={},ann,bob", "cid"),
        ("Patient?identifier={},http://ids|A-1", "ann"),
        ("Patient?name={},silva", "ann"),
        ("Observation?code={},weight", "w3 w2 w1"),
        ("Observation?patient={},bob", "w3"),
        ("Observation?patient={},Patient/bob", "w3"),
        ("Observation?subject={},cid", "h2"),
        ("Observation?patient=ann&code={},weight", "w2 w1"),
        ("Observation?patient.identifier={},http://ids|A-1", "h1 w2 w1"),
        ("Observation?date={},2020-02-10", "w2"),
    ],
)
async def test_long_lists_find_the_same(world: World, url: str, ids: str) -> None:
    kind = "2001-01-{:02}" if "date" in url else 'x"{}' if "name" in url else "x-{}"
    assert await world.ids(url.format(",".join(kind.format(number) for number in range(1, 30)))) == ids.split()


async def test_what_is_deleted_is_neither_found_nor_included(empty: World) -> None:
    await empty.put({"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b"})
    await empty.remove("Patient", "a")
    assert await empty.ids("Patient") == ["b"]
    assert await empty.ids("Patient?_id=a,b") == ["b"]
    assert await empty.ids("?_type=Patient") == ["b"]


def text(resource_type: str, *parameters: tuple[str, str]) -> str:
    return select(parse_query(resource_type, parameters), UNRESTRICTED, "http://x").text


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("gender", "male", "female"),
        ("name", "a", "b"),
        ("birthdate", "ge2000", "ge2001-01-01"),
        ("identifier", "a|b", "c|d"),
        ("_id", "a", "b"),
        ("organization", "a", "b"),
    ],
)
def test_values_are_never_in_the_text(name: str, first: str, second: str) -> None:
    assert text("Patient", (name, first)) == text("Patient", (name, second))
    assert text("Patient", (name, first), ("_count", "7")) == text("Patient", (name, first))


SORTED: list[tuple[str, str]] = [
    ("Patient?_sort=identifier", "two one none"),
    ("Patient?_sort=-identifier", "two one none"),  # of several values the highest
    ("Patient?_sort=phone", "one two none"),
    ("Patient?_sort=-phone", "two one none"),
    ("Patient?_sort=telecom", "none one two"),
    ("Patient?_sort=language", "one none two"),
    ("Patient?_sort=-identifier&gender=male", "two none"),
    ("Patient?_sort=identifier&identifier=http://ids|", "two none"),
    ("Bundle?_sort=identifier", "bundle"),
]


async def test_tokens_without_words_are_sorted_by_their_text(empty: World) -> None:
    def phone(number: str, system: str = "phone") -> dict[str, str]:
        return {"system": system, "value": number}

    ids = "http://ids"
    await empty.put(
        patient("none", "A", None, "male", identifier=[{"system": ids}], telecom=[phone("0", "email")]),
        patient("one", "B", None, "female", identifier=[{"value": "m"}], telecom=[phone("11")]),
        patient(
            "two", "C", None, "male", identifier=[{"system": ids, "value": "B"}, {"value": "n"}, {"value": "z"}],
            telecom=[phone("12"), phone("2")],
        ),
        {"resourceType": "Bundle", "id": "bundle", "type": "collection", "identifier": {"value": "x"}},
    )  # fmt: skip
    languages = {"one": "de", "none": "EN", "two": "pt"}
    for id, language in languages.items():
        previous = await empty.store.read(UNRESTRICTED, "Patient", id)
        assert previous is not None
        assert previous.body is not None
        changed = parse(previous.body) | {"communication": [{"language": {"text": language}}]}
        await empty.put(changed)
    for url, found in SORTED:
        assert await empty.ids(url) == found.split(), url
        assert await empty.pages(url + "&_count=1") == found.split(), url
    await empty.put(patient("two", "C", None, "male"))
    assert await empty.ids("Patient?_sort=-identifier,_id") == ["one", "none", "two"]


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("Observation?code=http://codes|weight", "token_code"),
        ("Observation?code=http://codes|weight&_sort=-date", "token_code"),
        ("Observation?code=http://codes|", "token_system"),
    ],
)
async def test_a_code_is_never_looked_up_by_its_system_alone(world: World, url: str, index: str) -> None:
    outcome = await world.bundle(url + "&_explain=true")
    plan = outcome["issue"][1]["details"]["text"] if "details" in outcome["issue"][1] else str(outcome["issue"][1])
    other = "token_system" if index == "token_code" else "token_code"
    assert index in plan
    assert other not in plan
