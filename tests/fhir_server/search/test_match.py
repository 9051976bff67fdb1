from __future__ import annotations

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.match import match_many, matches
from hub.authorization import known
from smart_auth.scopes import UNRESTRICTED, Access, parse
from tests.fhir_server.search.conftest import BASE, World

Query = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("resource_type", "query", "ids"),
    [
        ("Patient", [("identifier", "http://ids|A-1")], ["ann"]),
        ("Patient", [("identifier", "http://ids|none")], []),
        ("Patient", [("gender", "male")], ["cid", "bob"]),
        ("Patient", [("_id", "bob"), ("gender", "male")], ["bob"]),
        ("Observation", [("patient", "ann"), ("code", "weight"), ("date", "2020-02-10")], ["w2"]),
        ("Observation", [("code", "weight")], ["w3", "w2"]),
    ],
)
async def test_up_to_two_matches(world: World, resource_type: str, query: Query, ids: list[str]) -> None:
    found = await matches(world.store, UNRESTRICTED, BASE, resource_type, query)
    assert [id for _, id in found] == ids


async def test_the_limit_may_be_higher(world: World) -> None:
    found = await matches(world.store, UNRESTRICTED, BASE, "Observation", [("code", "weight")], limit=5)
    assert len(found) == 3


@pytest.mark.parametrize("query", [[], [("_count", "3")], [("nonsense", "1")], [("identifier", "")]])
async def test_a_condition_must_say_something(world: World, query: Query) -> None:
    with pytest.raises(Invalid):
        await matches(world.store, UNRESTRICTED, BASE, "Patient", query)


@pytest.mark.parametrize("number", [0, 1, 3, 5, 64, 150])
async def test_many_at_once_are_answered_each(world: World, number: int) -> None:
    wanted: list[tuple[str, Query, list[str]]] = [
        ("Patient", [("identifier", "http://ids|A-1")], ["ann"]),
        ("Organization", [("name", "north")], ["north"]),
        ("Patient", [("identifier", "http://ids|C-3")], ["cid"]),
        ("Patient", [("identifier", "http://ids|none")], []),
        ("Observation", [("code", "weight")], ["w3", "w2"]),
    ]
    asked = [wanted[position % len(wanted)] for position in range(number)]
    found = await match_many(world.store, UNRESTRICTED, BASE, [(kind, query) for kind, query, _ in asked])
    assert [[id for _, id in one] for one in found] == [ids for _, _, ids in asked]


async def test_identifiers_asked_together_are_found_as_each_by_itself(world: World) -> None:
    values = ["http://ids|A-1", "http://ids|none", "http://ids|C-3", "|A-1", "http://ids|A-1,http://ids|C-3", "A-1"]
    asked: list[tuple[str, Query]] = [(kind, [("identifier", one)]) for kind in ("Patient", "Group") for one in values]
    together = await match_many(world.store, UNRESTRICTED, BASE, asked)
    assert together == [await matches(world.store, UNRESTRICTED, BASE, kind, query) for kind, query in asked]
    assert [id for _, id in together[0]] == ["ann"]


async def test_two_that_have_the_same_identifier_are_both_found(world: World) -> None:
    asked: list[tuple[str, Query]] = [("Patient", [("identifier", f"http://ids|{one}")]) for one in ("A-1", "same")]
    for given in ("Ana", "Bea"):
        same = {"resourceType": "Patient", "name": [{"given": [given]}]}
        await world.put({**same, "id": f"same-{given}", "identifier": [{"system": "http://ids", "value": "same"}]})
    for limit, ids in ((1, ["same-Bea"]), (2, ["same-Bea", "same-Ana"]), (3, ["same-Bea", "same-Ana"])):
        found = await match_many(world.store, UNRESTRICTED, BASE, asked, limit)
        assert [[id for _, id in one] for one in found] == [["ann"], ids]


async def test_what_may_not_be_seen_is_not_found(world: World) -> None:
    own = Access("ann", unrestricted=False, scopes=parse("patient/Patient.rs", known).resources, patient="ann")
    asked: list[tuple[str, Query]] = [("Patient", [("identifier", f"http://ids|{one}")]) for one in ("A-1", "C-3")]
    found = await match_many(world.store, own.using("s"), BASE, asked)
    assert [[id for _, id in one] for one in found] == [["ann"], []]
