"""Labels given on writing: added by codes, kept from before, never doubled."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhir_server.labels.given import ACT_CODE, CONFIDENTIALITY, labelled, labels_of

ICD = "http://hl7.org/fhir/sid/icd-10"


def condition(code: str, *security: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Condition", "code": {"coding": [{"system": ICD, "code": code}]}}
    if security:
        found["meta"] = {"security": [{"system": system, "code": label} for system, label in security]}
    return found


def security(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["system"], one["code"]) for one in resource.get("meta", {}).get("security", ())]


PSY, HIV, R = (ACT_CODE, "PSY"), (ACT_CODE, "HIV"), (CONFIDENTIALITY, "R")
OWN = ("urn:example", "x")


@pytest.mark.parametrize(
    ("resource", "previous", "expected"),
    [
        (condition("E11"), None, []),
        (condition("F32"), None, [PSY]),
        (condition("F32", PSY), None, [PSY]),
        (condition("F32", OWN), None, [OWN, PSY]),
        (condition("E11", R), None, [R]),
        (condition("E11"), condition("E11", R), [R]),
        (condition("E11"), condition("F32", PSY, OWN), [PSY]),
        (condition("B24"), condition("F32", PSY), [HIV, PSY]),
        (condition("F02.4"), None, [HIV, PSY]),
    ],
)
def test_labelled(resource: dict[str, Any], previous: dict[str, Any] | None, expected: list[tuple[str, str]]) -> None:
    before = copy.deepcopy(resource)
    assert security(labelled(resource, previous)) == expected
    assert resource == before


def test_codes_are_found_wherever_they_stand() -> None:
    coding = {"system": ICD, "code": "F10"}
    claim = {"resourceType": "Claim", "diagnosis": [{"diagnosisCodeableConcept": {"coding": [coding]}}]}
    contained = {"resourceType": "Observation", "contained": [condition("B24")], "valueCodeableConcept": {}}
    assert (labels_of(claim), labels_of(contained)) == ({"ETH"}, {"HIV"})


def test_entries_of_a_bundle_are_not_the_bundle() -> None:
    assert labels_of({"resourceType": "Bundle", "entry": [{"resource": condition("B24")}]}) == frozenset()


def test_what_needs_nothing_is_the_same_object() -> None:
    resource = condition("E11")
    assert labelled(resource, condition("E11")) is resource
