"""Whichever way a statement finds to read a page, it finds the same."""

from __future__ import annotations

import pytest

from fhir_server.search import few as few_module
from fhir_server.search import referring, tested
from fhir_server.version import Change
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import World, forget, observation, patient
from tests.fhir_server.search.test_select import FOUND

MANY: list[tuple[str, str]] = [
    # one shape each: few of the first, few of the second, few of none
    ("Observation?code=common&code=odd", "odd2 odd1"),
    ("Observation?code=common&status=amended", "o7 o3"),
    ("Observation?code=common&status=amended&_sort=-date", "o7 o3"),
    ("Observation?code=common&status=final&_sort=date&_count=2", "o0 o1"),
    ("Observation?code=common&status=final&_count=2", "odd2 odd1"),
    ("Observation?code=common&_sort=-date&_count=3", "odd2 odd1 o699"),
    ("Observation?code=odd&_sort=date", "odd1 odd2"),
    ("Observation?code:text=the+common&_count=2", "odd2 odd1"),
    ("Observation?code:text=the+common&status=amended", "o7 o3"),
    ("Observation?date=ge1900&date=lt1900-01-01T00:00:05Z", "o4 o3 o2 o1 o0"),
    ("Observation?date=ge1900&date=lt1901&_count=2", "o699 o698"),
    ("Observation?date=ge1900&date=lt1901&code=common&_count=2", "o699 o698"),
    ("Observation?date=ge1900-01-01T00:00:03Z&code=common&_sort=date&_count=2", "o3 o4"),
    ("Observation?value-quantity=ge0&_count=2", "odd2 odd1"),
    ("Observation?value-quantity=le2&_count=9", "o2 o1 o0"),
    ("Observation?patient.name=many&_count=2", "odd2 odd1"),
    ("Observation?patient.gender=male&code=odd", "odd2 odd1"),
    ("Observation?patient.name=few&_count=2", ""),
    ("Patient?_has:Observation:patient:code=common", "many"),
    ("Patient?_has:Observation:patient:code=odd", "many"),
    ("Patient?_has:Observation:patient:code=common&name=m", "many"),
    ("Patient?_has:Observation:patient:_has:Provenance:target:agent=Organization/o", "many"),
    (
        "Organization?_has:Patient:organization:_has:Observation:patient:_has:Provenance:target:agent=Organization/o",
        "o",
    ),
    ("Patient?_has:Observation:patient:performer:Organization.name=o", "many"),
    ("Observation?code=common&_sort=-patient.name,date&_count=3", "o0 o1 o2"),
    ("Observation?_sort=performer.name,-date&_count=2", "o1 odd2"),
    ("Observation?_filter=code eq common and (status eq amended or code eq odd)", "odd2 odd1 o7 o3"),
    ("Observation?_filter=code eq odd or patient.name eq few", "odd2 odd1"),
    ("Observation?_filter=status eq amended or patient.name eq many&_count=2", "odd2 odd1"),
    ("Observation?_filter=status eq amended or performer.name eq o", "o7 o3 o1"),
    ("Observation?_filter=not(code eq common)", ""),
    ("Observation?_filter=not(status eq final)&_sort=date", "o3 o7"),
    ("Observation?_filter=date lt 1900-01-01T00:00:02Z or (patient.name eq many and status eq amended)", "o7 o3 o1 o0"),
    ("Observation?_filter=value-quantity ge 0 or code eq odd&_sort=-date&_count=2", "odd2 odd1"),
    ("Observation?_filter=(value-quantity le 1 or value-quantity ge 698) and code eq common", "o699 o698 o1 o0"),
]


@pytest.mark.parametrize("few", [0, 1, 2])
async def test_every_way_to_read_finds_the_same(world: World, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """As if the record were so large that few, some or most of the sets were too large to be fetched."""
    monkeypatch.setattr(few_module, "FEW", few)
    monkeypatch.setattr(few_module, "ALONE", few)
    monkeypatch.setattr(few_module, "AT_THE_END", few)
    monkeypatch.setattr(few_module, "ON_THE_WAY", few)
    monkeypatch.setattr(few_module, "REFERRING", few)
    monkeypatch.setattr(referring, "NEAR", few - 1)
    monkeypatch.setattr(tested, "WALKED", few)
    monkeypatch.setattr(tested, "CHAINED", few)
    forget()
    try:
        for url, ids in FOUND:
            assert await world.ids(url) == ids.split(), url
            joined = url + ("&" if "?" in url else "?")
            assert await world.pages(joined + "_count=2") == ids.split(), url
    finally:
        forget()


async def test_the_branch_for_many_rows_finds_the_same(empty: World) -> None:
    await empty.put(
        {"resourceType": "Organization", "id": "o", "name": "O"},
        patient("many", "Many", "1980-01-01", "male", managingOrganization={"reference": "Organization/o"}),
        patient("few", "Few", "1980-01-01", "male"),
    )
    found = [
        observation(
            f"o{n}", "Patient/many", "common", f"1900-01-01T00:{n // 60:02}:{n % 60:02}Z", str(n),
            status="amended" if n in (3, 7) else "final",
            **({"performer": [{"reference": "Organization/o"}]} if n == 1 else {}),
        )
        for n in range(700)
    ]  # fmt: skip
    found += [
        observation(f"odd{n}", "Patient/many", "odd", f"2020-01-0{n}", "5") | {
            "code": {"coding": [{"system": "http://codes", "code": one} for one in ("odd", "common")]}
            | {"text": "The common"}
        }
        for n in (1, 2)
    ]  # fmt: skip
    async with empty.store.transaction(UNRESTRICTED) as unit:
        await unit.write([Change("Observation", one["id"], "PUT", one, None) for one in found])
    await empty.put(
        {
            "resourceType": "Provenance", "id": "pv", "target": [{"reference": "Observation/o1"}],
            "recorded": "2020-01-11T00:00:00Z", "agent": [{"who": {"reference": "Organization/o"}}],
        }
    )  # fmt: skip
    for url, expected in MANY:
        assert await empty.ids(url) == expected.split(), url
    for url in (
        "code=common&status=final",
        "code=common&_sort=-date",
        "date=ge1900&date=lt1901",
        "code:text=the",
        "_sort=patient.name",
    ):
        whole = await empty.ids(f"Observation?{url}&_count=1000")
        assert await empty.pages(f"Observation?{url}&_count=97") == whole, url
        assert len(whole) >= 700
