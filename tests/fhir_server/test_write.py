"""What a write refers to, and which index rows come and go with it."""

from __future__ import annotations

from typing import Any

from fhir_server.version import Change, Version
from fhir_server.write import UNINDEXED, prepare, targets
from mappings.r4 import serialize

BASE = "http://fhir.example.org/fhir"


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
