"""What a write refers to, and which index rows come and go with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.version import Change, Version
from fhir_server.write_set import UNINDEXED, local_reference, prepare, references_of, targets
from mappings.r4 import Json, serialize

BASE = "http://fhir.example.org/fhir"


def members(value: Json) -> list[str]:
    """Every text under the name "reference", found the slow way."""
    if isinstance(value, list):
        return [text for item in value for text in members(item)]
    if not isinstance(value, dict):
        return []
    own = [value["reference"]] if isinstance(value.get("reference"), str) else []
    return own + [text for member in value.values() for text in members(member)]


_TEXTS = st.text(st.sampled_from('ab"\\:{}/é\n😀 ') | st.characters(codec="utf-8")) | st.sampled_from(
    ['"reference":"', 'reference":"x', '\\"reference\\":\\"', '"', "\\", "Patient/1"]
)
_NAMES = st.sampled_from(["reference", "display", '"reference"', "a"])
_VALUES = st.recursive(
    _TEXTS | st.none() | st.integers(0, 9), lambda below: st.lists(below, max_size=3) | st.dictionaries(_NAMES, below)
)


@given(st.dictionaries(_NAMES, _VALUES))
def test_references_are_found_in_the_bytes_as_in_the_tree(resource: dict[str, Any]) -> None:
    assert sorted(references_of(serialize(resource))) == sorted(members(resource))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/1", ("Patient", "1")),
        (f"{BASE}/Patient/1", ("Patient", "1")),
        ("Patient/1/_history/2", ("Patient", "1")),
        ("http://elsewhere.example.org/fhir/Patient/1", None),
        (f"{BASE}x/Patient/1", None),
        ("#contained", None),
        ("Nonsense/1", None),
        ("Patient/", None),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", None),
    ],
)
def test_local_references(reference: str, expected: tuple[str, str] | None) -> None:
    assert local_reference(reference, BASE) == expected


def observation(patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "extension": [{"url": "http://example.org/x", "valueReference": {"reference": "Group/9"}}],
        **more,
    }


def stored(resource: dict[str, Any]) -> Version:
    return Version("Observation", "o", 5, 1, 0, "PUT", serialize({**resource, "id": "o"}))


def test_a_creation_adds_everything_and_needs_what_it_refers_to() -> None:
    write = prepare(Change("Observation", "o", "PUT", observation("p"), None), BASE, 5, 0)
    assert write.removed == {}
    assert (UNINDEXED, "Group", "9") in write.added["reference"]
    assert targets(write) == write.references == {("Patient", "p"), ("Group", "9")}
    assert all(len(set(rows)) == len(list(rows)) for rows in write.added.values())


def test_an_update_needs_those_whose_rows_go_too() -> None:
    write = prepare(Change("Observation", "o", "PUT", observation("q"), stored(observation("p"))), BASE, 0, 0)
    assert write.references == {("Patient", "q"), ("Group", "9")}
    assert targets(write) == {("Patient", "p"), ("Patient", "q"), ("Group", "9")}
    assert {row[0] for row in write.removed["patient_value"]} == {"p"}
    assert {row[0] for row in write.added["patient_value"]} == {"q"}


def test_an_update_touches_only_rows_that_differ() -> None:
    before, after = ({**observation("p"), "performer": [{"reference": f"Practitioner/{id}"}]} for id in "ab")
    write = prepare(Change("Observation", "o", "PUT", after, stored(before)), BASE, 0, 0)
    assert {table for table, rows in write.added.items() if rows} == {"reference"}
    assert {table for table, rows in write.removed.items() if rows} == {"reference"}
    assert targets(write) == {*write.references, ("Practitioner", "a")}


def test_a_deletion_removes_every_row() -> None:
    write = prepare(Change("Observation", "o", "DELETE", None, stored(observation("p"))), BASE, 0, 0)
    created = prepare(Change("Observation", "o", "PUT", observation("p"), None), BASE, 5, 0)
    assert {table: set(rows) for table, rows in write.removed.items()} == {
        table: set(rows) for table, rows in created.added.items()
    }
    assert write.added == {}
    assert targets(write) == created.references
