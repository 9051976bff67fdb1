"""Searches that lead over types not granted are refused; those whose criteria settle whose they are ask it once."""

from __future__ import annotations

import pytest

from fhir_server.access import sees
from fhir_server.access.searching import judged, records, searchable
from fhir_server.outcome import Forbidden
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Member
from fhir_server.search.few import Tables, rows_of
from fhir_server.search.query import SearchQuery, parse_query
from fhir_server.statement import Parameters
from hub.authorization import known
from smart_auth.scopes import Access, parse


def access(scope: str = "patient/*.rs", patient: str = "1") -> Access:
    return Access("s", unrestricted=False, scopes=parse(scope, known).resources, patient=patient).using("s")


def query(resource_type: str, text: str) -> SearchQuery:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]
    return parse_query(resource_type, pairs)


@pytest.mark.parametrize(
    ("resource_type", "text", "id"),
    [
        ("Observation", "patient=1", "1"),
        ("Observation", "patient=Patient/1&code=x", "1"),
        ("Observation", "subject=Patient/1", "1"),
        ("Observation", "subject:Patient=1", "1"),
        ("Condition", "patient=1", "1"),
        ("Observation", "patient=2", "2"),
        ("Observation", "patient=1,2", None),
        ("Observation", "patient:missing=false", None),
        ("Observation", "focus=Patient/1", None),
        ("Observation", "subject=1", None),
        ("Observation", "subject=http://other.example.org/Patient/1", None),
        ("Observation", "patient:identifier=1", None),
        ("Observation", "code=x", None),
        ("Observation", "_has:Provenance:target:patient=1", None),
        ("Observation", "patient._id=1", None),
        ("Patient", "link=Patient/1", None),
        ("Patient", "_id=1", None),
        ("Device", "patient=1", None),
        ("Organization", "name=x", None),
    ],
)
def test_a_record_only_by_the_references_of_the_compartment(resource_type: str, text: str, id: str | None) -> None:
    assert records(query(resource_type, text), access()) == ({} if id is None else {resource_type: id})


def test_of_a_record_it_is_decided_once() -> None:
    own = sees(access(), "x.rid", ("Observation",), Parameters(), "1")
    assert "patient_label" in own
    assert "reference" not in own
    for of_record in (None, "2"):
        other = sees(access(), "x.rid", ("Observation",), Parameters(), of_record)
        assert "patient_label" not in other
        assert "reference" in other
    asked = query("Observation", "patient=1")
    assert records(asked, Access("s", unrestricted=True)) == {}


def test_what_a_chain_goes_over_is_of_no_record() -> None:
    """It may be of the type that is searched, and somebody else's."""
    asked = query("Observation", "_filter=has-member[encounter.status eq finished].specimen.status eq available")
    [node] = [
        below for one in asked.criteria for kind, below in one.nodes["Observation"].targets if kind == "Observation"
    ]
    for mine in ({}, {"Observation": "1"}):
        conditions = Conditions(access(), Parameters(), "http://x/fhir", records=mine)
        tables = Tables(conditions)
        rows, *_ = rows_of(node, ("Observation",), tables, [])
        text = "".join([*tables.texts, rows])
        assert "patient_label" not in text
        assert "reference member" in text


def test_a_patients_own_are_read_from_the_record() -> None:
    led = judged(query("Observation", "code=x"), access())
    node = led.criteria[0].nodes["Observation"]
    assert isinstance(node, Member)
    assert (node.compartment, node.id) == ("Patient", "1")
    assert records(led, access()) == {"Observation": "1"}
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
