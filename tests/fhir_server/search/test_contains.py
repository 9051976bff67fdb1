"""`:contains` of names and addresses: by the index of trigrams, and as right without it."""

from __future__ import annotations

from urllib.parse import parse_qsl

import psycopg
import pytest

from bench.plans import explained, statement_of
from fhir_server.schema.search_rows import PLACES_AND_PEOPLE
from fhir_server.search.parameters import shipped
from tests.fhir_server.search.conftest import World, patient

TYPES = ("Patient", "Person", "RelatedPerson", "Practitioner", "Organization", "Location")

PEOPLE = (
    patient("a", "Silva-Ferreira", "1980-01-01", "female", address=[{"text": "50 % off Main_Street"}]),
    patient("b", "O'Brien", "1980-01-01", "male", address=[{"city": "São Paulo"}]),
    patient("c", "Žižek", "1980-01-01", "male"),
    patient("d", "山田太郎", "1980-01-01", "male"),
)
ASKED = (
    ("name:contains=ilva", "a", True),
    ("name:contains=ILVA+fer", "a", True),
    ("name:contains=OBR", "b", True),
    ("name:contains=iže", "c", True),
    ("name:contains=田太郎", "d", False),
    ("name:contains=i", "c b a", False),
    ("name:contains=l_a", "", False),
    ("address:contains=50+%25+off", "a", True),
    ("address:contains=main_street", "a", True),
    ("address-city:contains=o+pau", "b", True),
    ("family:contains=ilva&gender=female", "a", True),
    ("name:contains=ilva&_sort=family", "a", True),
)


def test_the_index_has_the_names_and_addresses_of_people_and_places() -> None:
    found = {
        number
        for name in TYPES
        for parameter in shipped(name).values()
        if parameter.type == "string"
        for number in parameter.param_ids
    }
    assert found == set(PLACES_AND_PEOPLE)


async def test_found_with_and_without_the_index(empty: World, database: str) -> None:
    await empty.put(*PEOPLE)
    for url, ids, _ in ASKED:
        assert await empty.ids(f"Patient?{url}") == ids.split(), url
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop index string_trigrams")
    for url, ids, _ in ASKED:
        assert await empty.ids(f"Patient?{url}") == ids.split(), url


@pytest.mark.parametrize(("url", "by_index"), [(url, by_index) for url, _, by_index in ASKED])
def test_what_has_no_trigram_does_not_ask_for_them(url: str, by_index: bool) -> None:
    assert statement_of("Patient", parse_qsl(url)).bitmaps is by_index


async def test_only_what_matches_is_read(empty: World, database: str) -> None:
    await empty.put(*(patient(f"p{n}", f"Name{n:03}x", "1980-01-01", "male") for n in range(200)))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
    plan = await explained(empty.store, statement_of("Patient", [("name:contains", "117x")]))
    assert [(scan.what, scan.rows) for scan in plan.scans] == [("string_trigrams", 1), ("resource_pkey", 1)]
