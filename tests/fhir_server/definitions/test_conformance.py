"""Search parameters, compartments, operations and value sets as package data."""

from __future__ import annotations

import pytest

from fhir_server.definitions import (
    compartment,
    compartments,
    data_types,
    operations,
    search_parameters,
    structure,
    value_set,
)
from fhir_server.definitions.conformance import all_search_parameters
from fhir_server.resource_types import TYPE_ID


def test_search_parameters() -> None:
    assert len(all_search_parameters()) == 1400
    rows = search_parameters()
    known = {row["url"] for row in rows}
    assert len(known) == len(rows)
    assert not any(url.startswith("http://hl7.org/fhir/SearchParameter/example") for url in known)
    assert "http://hl7.org/fhir/SearchParameter/ServiceRequest-order-detail" not in known
    assert "http://hl7.org/fhir/SearchParameter/Patient-name" in known
    for row in rows:
        assert set(row["base"]) <= {*TYPE_ID, "Resource", "DomainResource"}
        assert row["type"] in "number date string token reference composite quantity uri special".split()  # noqa: SIM905
        assert set(row.get("target", ())) <= set(data_types())


def test_no_type_has_two_parameters_of_one_code() -> None:
    pairs = [(base, row["code"]) for row in search_parameters() for base in row["base"]]
    assert len(set(pairs)) == len(pairs)


def test_components_name_known_parameters() -> None:
    known = {row["url"] for row in all_search_parameters()}
    for row in search_parameters():
        for part in row.get("component", ()):
            assert part["definition"] in known
            assert part["expression"]


def test_compartments() -> None:
    assert set(compartments()) == {"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"}
    assert compartment("Patient")["Observation"] == ["subject", "performer"]
    assert "Organization" not in compartment("Patient")
    with pytest.raises(KeyError):
        compartment("Organization")


def test_operations() -> None:
    by_id = {row["id"]: row for row in operations()}
    validate = by_id["Resource-validate"]
    assert (validate["system"], validate["type"], validate["instance"]) == (False, True, True)
    assert [row["name"] for row in validate["parameter"]] == ["resource", "mode", "profile", "return"]
    assert "_offset" not in {row["name"] for row in by_id["Patient-everything"]["parameter"]}


def test_value_sets() -> None:
    genders = value_set("http://hl7.org/fhir/ValueSet/administrative-gender")
    assert genders == {"http://hl7.org/fhir/administrative-gender": frozenset(("male", "female", "other", "unknown"))}
    units = value_set("http://hl7.org/fhir/ValueSet/ucum-units")
    assert units == {"http://unitsofmeasure.org": None}
    assert value_set("http://loinc.org/vs/LL379-9") is None


def test_every_required_binding_has_its_value_set() -> None:
    missing = set()

    def walk(name: str) -> None:
        for element in structure(name).elements.values():
            if element.value_set and value_set(element.value_set) is None:
                missing.add(element.value_set)
            if element.base_type:
                walk(element.types[0].code)

    for name in data_types():
        walk(name)
    assert missing == {"http://loinc.org/vs/LL379-9"}
