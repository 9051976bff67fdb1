"""`_filter` over a record: what is found, by pages, counted; and what is refused, where."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.query import parse_query
from tests.fhir_server.search.conftest import World, coded

FOUND: list[tuple[str, str, str]] = [
    # strings: without case and accents
    ("Patient", 'family eq "silva"', "ann"),
    ("Patient", 'family eq "silv"', ""),
    ("Patient", "family ne silva", "cid bob"),
    ("Patient", "name co UZ", "bob"),
    ("Patient", "name co tos", "cid"),
    ("Patient", "name sw S", "cid bob ann"),
    ("Patient", "name ew va", "ann"),
    ("Patient", "family gt santos", "bob ann"),
    ("Patient", "family ge Santos", "cid bob ann"),
    ("Patient", "family lt silva", "cid"),
    ("Patient", "family le silva", "cid ann"),
    # dates, numbers, quantities
    ("Patient", "birthdate eq 1980", "ann"),
    ("Patient", "birthdate ne 1980", "bob"),
    ("Patient", "birthdate gt 1980-02-29", "bob"),
    ("Patient", "birthdate le 1980-02-29", "ann"),
    ("Patient", "birthdate sa 1980", "bob"),
    ("Patient", "birthdate eb 1990", "ann"),
    ("Patient", "birthdate po 1980-02", "ann"),
    ("Patient", "birthdate co 1980-02-29T10:00:00Z", "ann"),
    ("Encounter", "date po 2020-02", "stay"),
    ("Encounter", "date co 2020-02", "stay"),
    ("Encounter", "date co 2020", ""),
    ("Encounter", "date po 2021-05-05T10:30:00Z", "visit"),
    ("Observation", "value-quantity gt 61|ucum|kg", "w3 w2"),
    ("Observation", "value-quantity le 60000|http://unitsofmeasure.org|g", "w1"),
    ("Observation", "value-quantity ap 60", "w2 w1"),
    # tokens
    ("Patient", "gender eq male", "cid bob"),
    ("Patient", "gender ne male", "ann"),
    ("Patient", "identifier eq http://ids|A-1", "ann"),
    ("Patient", "identifier ne http://ids|A-1", "cid"),
    ("Patient", "_id ne ann", "cid bob"),
    ("Patient", "_tag eq http://tags|vip", "ann"),
    ("Patient", "_lastUpdated gt 2000", "cid bob ann"),
    # what is there at all
    ("Patient", "birthdate pr false", "cid"),
    ("Patient", "birthdate pr true", "bob ann"),
    ("Patient", "organization pr false", "cid"),
    # references
    ("Patient", "organization re Organization/bed", "ann"),
    ("Patient", "organization re http://fhir.example.org/fhir/Organization/bed", "ann"),
    ("Observation", "subject re Patient/bob", "w3"),
    # and, or, not: from the left
    ("Patient", "gender eq male and birthdate pr true", "bob"),
    ("Patient", "gender eq male or birthdate pr true", "cid bob ann"),
    ("Patient", "family eq silva or gender eq male and birthdate pr false", "cid"),
    ("Patient", "family eq silva or (gender eq male and birthdate pr false)", "cid ann"),
    ("Patient", "not(gender eq male)", "ann"),
    ("Patient", "not(gender eq male and birthdate pr true)", "cid ann"),
    ("Patient", "not(gender eq male or birthdate pr true)", ""),
    ("Patient", "gender eq male and not(family eq souza)", "cid"),
    ("Observation", "code eq weight and (date ge 2020-02-01 or value-quantity lt 61) and patient re Patient/ann",
     "w2 w1"),
    # what is referred to
    ("Observation", 'patient.name co "ilv"', "h1 w2 w1"),
    ("Observation", "subject:Patient.gender eq male", "h2 w3"),
    ("Observation", "subject.name co ilv and code eq weight", "w2 w1"),
    ("Observation", "patient.birthdate pr false", "h2"),
    ("Observation", "patient.gender ne male", "h1 w2 w1"),
    ("Observation", "not(patient.gender eq male)", "h1 w2 w1"),
    ("Observation", "patient.organization.partof.name eq ward", "h1 w2 w1"),
    ("Observation", "patient.name eq silva or encounter.class eq AMB", "h1 w3 w2 w1"),
    ("Observation", "patient[gender eq male].name sw sou", "w3"),
    ("Observation", "patient[gender eq male and birthdate pr false].name sw s", "h2"),
    ("Observation", "patient[gender eq male or family eq silva].birthdate pr true", "h1 w3 w2 w1"),
    ("Observation", "patient[not(gender eq male)].organization[name eq bed].partof.name eq ward", "h1 w2 w1"),
    # one repetition of an element
    ("Observation", "code-value-quantity eq http://codes|weight$gt61", "w3 w2"),
    ("Observation", "code-value-quantity[code eq weight].value-quantity gt 61|ucum|kg", "w3 w2"),
    ("Observation", "code-value-quantity[code eq weight].value-quantity pr true", "w3 w2 w1"),
    ("Observation", "code-value-quantity[code eq weight].value-quantity pr false", "h2 h1"),
    ("Group", "characteristic[code eq colour].value eq blue", "g1"),
    ("Group", "characteristic[code eq colour].value eq big", ""),
    ("Group", "characteristic[code eq size].value pr true", "g2 g1"),
    ("Group", "characteristic[value eq red].code eq colour", "g2"),
    ("Group", "characteristic[code eq colour].value pr false", ""),
    ("Group", "characteristic eq colour and not(characteristic[code eq size].value eq big)", "g2"),
    ("DocumentReference", "relatesTo[code eq replaces].target re DocumentReference/d1", "d2"),
    ("DocumentReference", "relatesTo[code eq appends].target re DocumentReference/d1", ""),
    ("DocumentReference", "relatesTo[code eq replaces].target pr true", "d2"),
    ("DocumentReference", "relatesTo[code eq replaces].target pr false", "d1"),
]  # fmt: skip


def trait(code: str, value: str) -> dict[str, object]:
    return {"code": coded(code), "valueCodeableConcept": coded(value), "exclude": False}


def document(id: str, **more: object) -> dict[str, object]:
    attachment = {"attachment": {"url": "http://documents.example.org/1"}}
    return {"resourceType": "DocumentReference", "id": id, "status": "current", "content": [attachment]} | more


MORE = (
    {"resourceType": "Group", "id": "g1", "type": "person", "actual": False,
     "characteristic": [trait("colour", "blue"), trait("size", "big")]},
    {"resourceType": "Group", "id": "g2", "type": "person", "actual": False,
     "characteristic": [trait("colour", "red"), trait("size", "small")]},
    document("d1"),
    document("d2", relatesTo=[{"code": "replaces", "target": {"reference": "DocumentReference/d1"}}]),
)  # fmt: skip


@pytest.mark.parametrize(("resource_type", "filter", "ids"), FOUND)
async def test_a_filter_finds(world: World, resource_type: str, filter: str, ids: str) -> None:
    if resource_type in ("Group", "DocumentReference") and not await world.ids("Group"):
        await world.put(*MORE)
    url = f"{resource_type}?_filter={quote(filter)}"
    assert await world.ids(url) == ids.split()
    assert await world.pages(url + "&_count=1") == ids.split()
    assert await world.pages(url + "&_count=1&_sort=_id") == sorted(ids.split())
    assert (await world.bundle(url + "&_summary=count"))["total"] == len(ids.split())
    # In a search over several types each is read by itself.
    assert await world.ids(f"?_type={resource_type}&_filter={quote(filter)}&_total=accurate") == ids.split()


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("Patient?_filter=gender eq male&birthdate=1990", "bob"),
        ("Patient?_filter=gender eq male&_filter=family eq souza", "bob"),
        ("Observation?_filter=code eq weight or code eq height&patient=ann&_sort=-date", "w2 h1 w1"),
        ("Observation?_filter=value-quantity gt 60 or patient.family eq santos&_sort=date", "w2 w3 h2"),
        ("Observation?_filter=code eq weight or status eq amended&_sort=-patient.name", "w3 w2 w1 h2"),
        ("Patient?_has:Observation:patient:code=weight&_filter=not(gender eq female)", "bob"),
        ("?_type=Encounter,Observation&_filter=patient.family eq souza", "w3 visit"),
        ("Patient/ann/Observation?_filter=code eq height and not(status eq amended)", "h1"),
    ],
)
async def test_a_filter_joins_other_parameters(world: World, url: str, ids: str) -> None:
    assert await world.ids(quote(url, safe="?=&/:")) == ids.split()
    assert await world.pages(quote(url, safe="?=&/:") + "&_count=1") == ids.split()


async def test_a_filter_brings_what_is_included(world: World) -> None:
    url = f"Observation?_filter={quote('code eq weight and value-quantity gt 80')}&_include=Observation:patient"
    assert (await world.ids(url), await world.ids(url, "include")) == (["w3"], ["bob"])


@pytest.mark.parametrize(
    ("resource_type", "filter", "position", "words"),
    [
        ("Patient", "nonsense eq 1", 1, "Patient has no search parameter of this name"),
        ("Patient", "gender eq male and nonsense eq 1", 20, "Patient has no search parameter of this name"),
        ("Patient", "gender co ma", 8, "gender is a token; possible: eq, in, ne, ni, sb, ss, pr"),
        ("Patient", "gender gt male", 8, "gender is a token"),
        ("Patient", "birthdate sw 19", 11, "birthdate is a date"),
        ("Patient", "birthdate eq then", 14, "the value is not a date"),
        ("Patient", "birthdate eq ge2000", 14, "the value is not a date"),
        ("Patient", 'name eq "-"', 9, "no letter or digit"),
        ("Patient", "birthdate pr maybe", 14, "true or false"),
        ("Patient", "organization eq Organization/1", 14, "organization is a reference; possible: re, pr"),
        ("Patient", "organization re a_b", 17, "reference is an id"),
        ("Patient", "gender.name eq x", 1, "gender is no reference"),
        ("Patient", "gender[name eq x].name eq x", 1, "gender is no reference"),
        ("Patient", "name:exact eq x", 1, "a type belongs to a reference"),
        ("Observation", "subject:Practitioner.name eq x", 1, "does not refer to this type"),
        ("Patient", "organization.nonsense eq x", 14, "Organization has no search parameter"),
        ("Observation", "subject.nonsense eq x", 9, "nothing that is referred to"),
        ("Observation", "patient[nonsense eq x].name eq x", 9, "nothing that is referred to"),
        ("Observation", "patient.organization.partof.partof.name eq x", 29, "at most 3 steps"),
        ("Observation", "value-quantity co 5", 16, "value-quantity is a quantity"),
        ("RiskAssessment", "probability co 5", 13, "probability is a number"),
        ("Observation", 'related[type eq "has-component"].target pr true', 1, "Observation has no search parameter"),
        ("Observation", "code-value-quantity[status eq x].value-quantity gt 1", 21, "here can be tested"),
        ("Observation", "code-value-quantity[code eq x].code eq y", 32, "here can be tested, once each"),
        ("Observation", "code-value-quantity[code eq x or code eq y].value-quantity gt 1", 1, "joined by 'and'"),
        ("Observation", "code-value-quantity[code ne x].value-quantity gt 1", 26, "here this is a token"),
        ("Observation", "code-value-quantity[code eq x].value-quantity gt much", 50, "not a number"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_place(
    resource_type: str, filter: str, position: int, words: str
) -> None:
    with pytest.raises(Invalid, match=f"^_filter, character {position}: .*{words}"):
        parse_query(resource_type, [("_filter", filter)])
