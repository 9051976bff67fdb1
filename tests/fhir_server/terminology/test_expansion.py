"""Value sets and code systems as tables: what is composed of what, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.definitions import shipped
from fhir_server.definitions.package_data import lines
from fhir_server.outcome import Invalid
from fhir_server.terminology.codes import EVERY, Codes, difference, intersection, union
from fhir_server.terminology.concepts import Concepts
from fhir_server.terminology.expansion import Known, Needed, expanded, related

Json = dict[str, Any]
S, T, X = "http://s", "http://t", "http://not.here"
GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"


def concept(code: str, *below: Json, **properties: Any) -> Json:
    found: Json = {"code": code, "display": f"The {code}"}
    if properties:
        found["property"] = [
            {"code": name, ("valueBoolean" if isinstance(value, bool) else "valueCode"): value}
            for name, value in properties.items()
        ]
    return found | ({"concept": list(below)} if below else {})


ANIMALS: Json = {
    "resourceType": "CodeSystem", "url": S, "version": "1", "status": "active", "content": "complete",
    "concept": [
        concept(
            "animal",
            concept("bird", concept("hen", legs="2", flies=False), concept("owl", legs="2", flies=True)),
            concept("fish", concept("eel", legs="0", inactive=True)),
        ),
        concept("plant", concept("moss")),
        concept("bat", legs="2", parent="animal", flies=True),
    ],
}  # fmt: skip
NEWER: Json = {**ANIMALS, "version": "2", "date": "2024-01-01", "concept": [concept("animal"), concept("robot")]}
PART: Json = {"resourceType": "CodeSystem", "url": T, "content": "fragment", "concept": [concept("one")]}
BIRDS: Json = {
    "url": "http://vs/birds",
    "compose": {"include": [{"system": S, "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}]},
}
ROUND: Json = {"url": "http://vs/round", "compose": {"include": [{"valueSet": ["http://vs/round"]}]}}

KNOWN = {
    ("CodeSystem", S): [ANIMALS],
    ("CodeSystem", T): [PART],
    ("CodeSystem", X): [],
    ("ValueSet", "http://vs/birds"): [BIRDS],
    ("ValueSet", "http://vs/round"): [ROUND],
    ("ValueSet", X): [],
    ("ValueSet", GENDER): [],
    ("CodeSystem", "http://hl7.org/fhir/administrative-gender"): [],
}
ALL = "animal bird hen owl fish eel plant moss bat"


def filtered(property: str, op: str, value: str, system: str = S) -> Json:
    return {"system": system, "filter": [{"property": property, "op": op, "value": value}]}


def listed(*codes: str, system: str = S) -> Json:
    return {"system": system, "concept": [{"code": code} for code in codes]}


@pytest.mark.parametrize(
    ("include", "codes"),
    [
        (listed("hen", "owl"), "hen owl"),
        ({"system": S}, ALL),
        (filtered("concept", "is-a", "bird"), "bird hen owl"),
        (filtered("concept", "is-a", "animal"), "animal bird hen owl fish eel bat"),
        (filtered("concept", "is-a", "stone"), ""),
        (filtered("concept", "descendent-of", "animal"), "bird hen owl fish eel bat"),
        (filtered("concept", "is-not-a", "animal"), "plant moss"),
        (filtered("concept", "generalizes", "owl"), "owl bird animal"),
        (filtered("concept", "generalizes", "bat"), "bat animal"),
        (filtered("code", "regex", "[a-m]+"), "eel"),
        (filtered("display", "regex", "The (o|h).*"), "hen owl"),
        (filtered("legs", "=", "2"), "hen owl bat"),
        (filtered("flies", "=", "false"), "hen"),
        (filtered("parent", "=", "animal"), "bird fish bat"),
        (filtered("child", "=", "eel"), "fish"),
        (filtered("legs", "in", "0, 3"), "eel"),
        (filtered("legs", "not-in", "2"), "animal bird fish eel plant moss"),
        (filtered("concept", "in", "hen,moss,stone"), "hen moss"),
        (filtered("flies", "exists", "true"), "hen owl bat"),
        (filtered("flies", "exists", "false"), "animal bird fish eel plant moss"),
        (
            {"system": S, "filter": [
                {"property": "concept", "op": "is-a", "value": "bird"},
                {"property": "flies", "op": "=", "value": "true"},
            ]},
            "owl",
        ),
        ({"valueSet": ["http://vs/birds"]}, "bird hen owl"),
        ({"valueSet": ["http://vs/birds"], **listed("owl", "eel")}, "owl"),
        ({"valueSet": [GENDER, "http://vs/birds"]}, ""),
    ],
)  # fmt: skip
def test_includes(include: Json, codes: str) -> None:
    found = expanded({"compose": {"include": [include]}}, Known(KNOWN))
    assert found.get(S, Codes()) == Codes(frozenset(codes.split()))
    assert set(found) <= {S}


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        ({"include": [listed("hen"), listed("hen", "owl"), listed("one", system=T)]}, {S: "hen owl", T: "one"}),
        ({"include": [{"system": S}], "exclude": [filtered("concept", "is-a", "animal")]}, {S: "plant moss"}),
        ({"include": [listed("hen")], "exclude": [{"valueSet": ["http://vs/birds"]}]}, {}),
        ({"include": [listed("hen", system=X)], "exclude": [listed("hen")]}, {X: "hen"}),
        ({"inactive": False, "include": [filtered("legs", "in", "0,2")]}, {S: "hen owl bat"}),
    ],
)
def test_compositions(compose: Json, expected: dict[str, str]) -> None:
    found = expanded({"compose": compose}, Known(KNOWN))
    assert found == {system: Codes(frozenset(codes.split())) for system, codes in expected.items()}


def test_a_system_whose_codes_are_not_here_is_told_by_itself() -> None:
    compose = {"include": [{"system": X}, {"system": T}], "exclude": [listed("two", system=X), {"system": T}]}
    assert expanded({"compose": compose}, Known(KNOWN)) == {X: Codes(frozenset(["two"]), others=True)}


@pytest.mark.parametrize(
    ("value_set", "reason"),
    [
        ({"compose": {"include": [filtered("concept", "is-a", "1", X)]}}, "neither stored nor shipped"),
        ({"compose": {"include": [filtered("concept", "is-a", "one", T)]}}, "neither stored nor shipped"),
        ({"compose": {"include": [{"valueSet": [X]}]}}, "neither stored nor shipped"),
        ({"compose": {"include": [{}]}}, "neither a system nor a value set"),
        ({"compose": {"include": [filtered("legs", "is-a", "2")]}}, "asks for the property 'concept'"),
        ({"compose": {"include": [filtered("legs", "near", "2")]}}, "no filter operator"),
        ({"compose": {"include": [filtered("legs", "exists", "2")]}}, "true or false"),
        ({"compose": {"include": [filtered("legs", "regex", "(")]}}, "regular expression"),
        (ROUND, "in a circle"),
        ({}, "neither compose nor expansion"),
        ({"expansion": {"total": 3, "contains": [{"system": S, "code": "hen"}]}}, "one page of more"),
    ],
)
def test_what_cannot_be_expanded(value_set: Json, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        expanded(value_set, Known(KNOWN))


def test_a_stored_expansion_stands_in() -> None:
    contains = [
        {"system": S, "code": "bird", "abstract": True, "contains": [{"system": S, "code": "hen"}]},
        {"system": X, "code": "1"},
        {"display": "a heading"},
    ]
    expected = {S: Codes(frozenset(["hen"])), X: Codes(frozenset(["1"]))}
    external = {"include": [filtered("concept", "is-a", "1", X)]}
    assert expanded({"expansion": {"contains": contains}}, Known(KNOWN)) == expected
    assert expanded({"compose": external, "expansion": {"contains": contains}}, Known(KNOWN)) == expected
    own = {"compose": {"include": [listed("owl")]}, "expansion": {"contains": contains}}
    assert expanded(own, Known(KNOWN)) == {S: Codes(frozenset(["owl"]))}


def test_versions() -> None:
    known = Known({("CodeSystem", S): [ANIMALS, NEWER]})
    assert known.definition("CodeSystem", S) == NEWER
    assert known.definition("CodeSystem", f"{S}|1") == ANIMALS
    assert known.definition("CodeSystem", f"{S}|3") is None
    for version, found in (("1", ALL), ("2", "animal robot")):
        include = {"system": S, "version": version}
        assert expanded({"compose": {"include": [include]}}, known) == {S: Codes(frozenset(found.split()))}


def test_all_that_a_composition_refers_to_is_asked_for_at_once() -> None:
    compose = {"include": [{"system": S}, {"valueSet": ["http://a|1", "http://b"]}], "exclude": [{"system": T}]}
    with pytest.raises(Needed) as asked:
        expanded({"compose": compose}, Known({}))
    keys = [("CodeSystem", S), ("ValueSet", "http://a"), ("ValueSet", "http://b"), ("CodeSystem", T)]
    assert asked.value.keys == keys


@pytest.mark.parametrize(
    ("code", "above", "codes"),
    [
        ("bird", False, "bird hen owl"),
        ("Bird", False, "bird hen owl"),
        ("owl", True, "owl bird animal"),
        ("stone", True, "stone"),
    ],
)
def test_related(code: str, above: bool, codes: str) -> None:
    assert related(S, code, Known(KNOWN), above=above) == {S: Codes(frozenset(codes.split()))}


def test_related_needs_the_concepts() -> None:
    with pytest.raises(Invalid, match="neither stored nor shipped"):
        related(X, "1", Known(KNOWN), above=False)


CODES = [Codes(), EVERY, *(Codes(frozenset(some), others) for some in ("a", "ab", "bc") for others in (True, False))]


@pytest.mark.parametrize("one", CODES)
@pytest.mark.parametrize("other", CODES)
def test_algebra(one: Codes, other: Codes) -> None:
    for code in "abcd":
        assert (code in (one | other)) == (code in one or code in other)
        assert (code in (one & other)) == (code in one and code in other)
        assert (code in (one - other)) == (code in one and code not in other)
        assert (code in union({S: one}, {S: other})[S]) == (code in one or code in other)
        assert (code in intersection({S: one}, {S: other}).get(S, Codes())) == (code in one and code in other)
        assert (code in difference({S: one}, {S: other}).get(S, Codes())) == (code in one and code not in other)


def test_what_r4_ships_expands() -> None:
    """All of R4's own value sets but those that filter what HL7 does not publish."""

    class Shipped(dict[Any, Any]):
        def __contains__(self, key: object) -> bool:
            return True

        def __missing__(self, key: object) -> list[Json]:
            return []

    known, refused = Known(Shipped()), []
    urls = list(lines("composed_value_sets.zst"))
    for url in urls:
        value_set = shipped("ValueSet", url)
        assert value_set is not None
        if value_set["compose"]:
            try:
                expanded(value_set, known)
            except Invalid:
                refused.append(url)
    assert len(urls) == 1317
    # SNOMED CT, LOINC, UCUM, ISO 3166, UN M49.
    assert len(refused) < 110
    genders = Codes(frozenset(("male", "female", "other", "unknown")))
    assert expanded(shipped("ValueSet", GENDER) or {}, known) == {"http://hl7.org/fhir/administrative-gender": genders}
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    of_encounters = shipped("ValueSet", "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode")
    encounter = expanded(of_encounters or {}, known)
    assert {"AMB", "EMER", "IMP", "ACUTE", "VR"} <= encounter[act].listed
    assert "AMB" in Concepts(shipped("CodeSystem", act) or {}).descendants("_ActEncounterCode")
