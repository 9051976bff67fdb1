"""Naming systems: what is written, and the names under which the same comes in."""

from __future__ import annotations

import pytest

from mappings.identifiers import CID10, CPF, Systems, canonical, checked, code_of, council, identifier, value_of


@pytest.mark.parametrize(
    ("system", "written"),
    [
        ("http://rnds.saude.gov.br/fhir/r4/NamingSystem/cpf", CPF),
        ("https://saude.gov.br/sid/cpf", CPF),
        (CPF, CPF),
        ("http://www.saude.gov.br/fhir/r4/CodeSystem/BRCID10", CID10),
        ("https://else.example/cpf", "https://else.example/cpf"),
    ],
)
def test_canonical(system: str, written: str) -> None:
    assert canonical(system) == written


def test_values_are_found_under_their_aliases() -> None:
    patient = {"identifier": [{"system": "https://saude.gov.br/sid/cpf"}, {"system": CPF, "value": "52998224725"}]}
    assert value_of(patient, CPF) == "52998224725"
    assert value_of({}, CPF) is None
    coded = {"coding": [{"system": "http://www.saude.gov.br/fhir/r4/CodeSystem/BRCID10", "code": "R51"}]}
    assert code_of(coded, CID10) == "R51"
    assert code_of(None, CID10) is None


def test_foreign_numbers_are_kept_and_told() -> None:
    (fault,) = checked([*identifier(CPF, "52998224724"), *identifier(CPF, "52998224725"), *identifier("x", "1")])
    assert (fault.element, fault.code) == ("identifier.cpf", "check-digit")
    assert "52998224724" not in fault.reason


def test_systems_of_the_plan() -> None:
    systems = Systems("https://plan.example/fhir")
    assert systems.sid("tasy/guia") == "https://plan.example/fhir/sid/tasy/guia"
    assert systems.codes("tiss-38") == "https://plan.example/fhir/CodeSystem/tiss-38"
    assert council("crm", "SP") == "https://saude.gov.br/fhir/sid/crm-sp"
