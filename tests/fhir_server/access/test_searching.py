"""Searches that lead over types not granted are refused; those whose criteria settle whose they are ask it once."""

from __future__ import annotations

import pytest

from fhir_server.access.searching import judged, searchable, settled
from fhir_server.outcome import Forbidden
from fhir_server.search.criteria import Member
from fhir_server.search.query import SearchQuery, parse_query
from hub.authorization import known
from smart_auth.scopes import Access, parse


def access(scope: str = "patient/*.rs", patient: str = "1") -> Access:
    return Access("s", unrestricted=False, scopes=parse(scope, known).resources, patient=patient).using("s")


def query(resource_type: str, text: str) -> SearchQuery:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]
    return parse_query(resource_type, pairs)


@pytest.mark.parametrize(
    ("resource_type", "text", "whether"),
    [
        ("Observation", "patient=1", True),
        ("Observation", "patient=Patient/1&code=x", True),
        ("Observation", "subject=Patient/1", True),
        ("Observation", "subject:Patient=1", True),
        ("Condition", "patient=1", True),
        ("Observation", "patient=2", False),
        ("Observation", "patient=1,2", False),
        ("Observation", "patient:missing=false", False),
        ("Observation", "focus=Patient/1", False),
        ("Observation", "subject=1", False),
        ("Observation", "subject=http://other.example.org/Patient/1", False),
        ("Observation", "patient:identifier=1", False),
        ("Observation", "code=x", False),
        ("Observation", "_has:Provenance:target:patient=1", False),
        ("Observation", "patient._id=1", False),
        ("Patient", "link=Patient/1", False),
        ("Patient", "_id=1", False),
        ("Device", "patient=1", False),
        ("Organization", "name=x", False),
    ],
)
def test_settled_only_by_the_references_of_the_compartment(resource_type: str, text: str, whether: bool) -> None:
    assert bool(settled(query(resource_type, text), access())) is whether


def test_nothing_is_settled_without_a_patient_or_a_scope() -> None:
    asked = query("Observation", "patient=1")
    assert settled(asked, access("patient/Condition.rs")) == frozenset()
    assert settled(asked, access("patient/Observation.rs?category=x")) == frozenset()
    assert settled(asked, Access("s", unrestricted=True)) == frozenset()


def test_a_patients_own_are_read_from_the_record() -> None:
    led = judged(query("Observation", "code=x"), access())
    node = led.criteria[0].nodes["Observation"]
    assert isinstance(node, Member)
    assert (node.compartment, node.id) == ("Patient", "1")
    assert settled(led, access()) == {"Observation"}
    assert len(judged(query("Observation", "patient=1&code=x"), access()).criteria) == 2
    assert len(judged(query("Organization", "name=x"), access()).criteria) == 1


@pytest.mark.parametrize(
    ("scope", "text", "allowed"),
    [
        ("patient/Observation.rs", "patient.name=x", False),
        ("patient/Observation.rs patient/Patient.s", "patient.name=x", True),
        ("patient/Observation.rs patient/Patient.r", "patient.name=x", False),
        ("patient/Observation.rs patient/Patient.s", "patient.organization.name=x", False),
        ("patient/Observation.rs", "_has:Provenance:target:recorded=2020", False),
        ("patient/Observation.rs patient/Provenance.s", "_has:Provenance:target:recorded=2020", True),
        ("patient/Observation.rs", "_filter=patient.name eq x", False),
        ("patient/Observation.rs", "_filter=code eq x or not (status eq final)", True),
        ("patient/Observation.rs", "_sort=patient.name", False),
        ("patient/Observation.rs patient/Patient.s", "_sort=patient.name", True),
        ("patient/Observation.rs", "_sort=-date", True),
        ("patient/Observation.rs", "code=x&_explain=true", False),
    ],
)
def test_types_walked_over(scope: str, text: str, allowed: bool) -> None:
    asked = query("Observation", text)
    if allowed:
        judged(asked, access(scope))
    else:
        with pytest.raises(Forbidden):
            judged(asked, access(scope))


def test_types_searched_and_brought() -> None:
    narrow = access("patient/Observation.rs patient/Patient.r")
    assert searchable(narrow, None, [], None) == ["Observation"]
    assert searchable(narrow, "Observation", [("_include", "Observation:subject:Patient")], None) == ["Observation"]
    assert searchable(narrow, None, [], ["Condition", "Observation"]) == ["Observation"]
    assert searchable(access("system/*.rs"), None, [], None) is None
    with pytest.raises(Forbidden):
        searchable(narrow, None, [], ["Condition"])  # a compartment of which nothing is granted
    for resource_type, asked in (
        ("Condition", []),
        (None, [("_type", "Observation,Condition")]),
        ("Observation", [("_include", "Observation:subject:Group")]),
        ("Observation", [("_revinclude:iterate", "Provenance:target")]),
    ):
        with pytest.raises(Forbidden):
            searchable(narrow, resource_type, asked, None)
