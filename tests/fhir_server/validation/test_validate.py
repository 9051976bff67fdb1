"""Whole resources: what each rule of the base definitions finds, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.validation import validate
from fhir_server.validation.shape import MAX_DEPTH
from mappings.r4 import parse
from tests.fhir_server.validation.resources import (
    BAD,
    BUNDLE,
    DIV,
    EXTENSION,
    GOOD,
    OBSERVATION,
    PATIENT,
    URL,
)


def parsed(value: Any) -> Any:
    """The value as it comes in from outside, with decimals."""
    return parse(json.dumps(value).encode())


def found(resource: Any, **options: Any) -> list[tuple[str, str]]:
    """(code, path) of the errors."""
    issues = validate(parsed(resource), **options)
    return [(issue.code, *issue.expression) for issue in issues if issue.severity == "error"]  # type: ignore[misc]


@pytest.mark.parametrize("resource", GOOD.values(), ids=GOOD.keys())
def test_valid(resource: Any) -> None:
    assert found(resource) == []


@pytest.mark.parametrize(("resource", "expected"), BAD.values(), ids=BAD.keys())
def test_invalid(resource: Any, expected: list[tuple[str, str]]) -> None:
    assert found(resource) == expected


def test_all_faults_are_told_at_once() -> None:
    resource = {**PATIENT, "x": 1, "gender": "y", "name": [{"text": ""}, {"use": "z"}], "birthDate": "1"}
    assert [path for _, path in found(resource)] == [
        "Patient", "Patient.gender", "Patient.name[0].text", "Patient.name[1].use", "Patient.birthDate",
    ]  # fmt: skip


def test_another_type_than_asked_for() -> None:
    assert found(PATIENT, resource_type="Group") == [("structure", "Patient.resourceType")]
    assert found(PATIENT, resource_type="Patient") == []
    assert found([], resource_type="Patient")[0] == ("structure", "Patient")


def test_warnings() -> None:
    issues = validate(PATIENT)
    assert [(issue.severity, issue.code) for issue in issues] == [("warning", "invariant")]
    assert issues[0].diagnostics.startswith("dom-6: ")
    assert validate(PATIENT, warnings=False) == []
    blank = {**PATIENT, "text": {"status": "empty", "div": DIV.replace("x<", " <")}}
    assert [issue.severity for issue in validate(blank)] == ["warning"]
    assert validate(blank, warnings=False) == []


def test_tolerated_target_is_a_warning() -> None:
    resource = {**OBSERVATION, "performer": [{"reference": "Encounter/1"}], "text": {"status": "generated", "div": DIV}}
    assert [(issue.severity, issue.expression) for issue in validate(resource)] == [
        ("warning", ("Observation.performer[0]",))
    ]
    assert validate(resource, warnings=False) == []


def test_bundle_entry_that_disagrees_is_a_warning() -> None:
    entry = {"fullUrl": "http://example.org/Patient/1", "resource": {**PATIENT, "id": "2"}}
    issues = validate({**BUNDLE, "entry": [entry]})
    assert [issue.severity for issue in issues] == ["warning", "warning"]
    assert issues[1].expression == ("Bundle.entry[0]",)


def test_values_are_never_told() -> None:
    secret = "Zaphod-4711"
    resources: list[Any] = [
        {"resourceType": secret},
        {**PATIENT, "gender": secret, "birthDate": secret, "active": secret, "id": secret + "_", "name": secret},
        {**PATIENT, secret: 1, "name": [{secret: secret}], "maritalStatus": {"coding": [{"code": secret + " "}]}},
        {**OBSERVATION, "subject": {"reference": f"Organization/{secret}"}, "status": secret},
        {**PATIENT, "text": {"status": "generated", "div": f"<div>{secret}</div>"}},
        {**PATIENT, "name": [{"period": {"start": secret, "end": secret}}]},
    ]
    for resource in resources:
        for issue in validate(resource, resource_type="Patient"):
            assert secret not in issue.diagnostics
            if "resourceType" not in str(issue.expression):
                assert secret not in str(issue.expression)


def nested(levels: int) -> dict[str, Any]:
    extension: dict[str, Any] = EXTENSION
    for _ in range(levels):
        extension = {"url": URL, "extension": [extension]}
    return {**PATIENT, "extension": [extension]}


def test_depth() -> None:
    assert found(nested(MAX_DEPTH - 2)) == []
    [(code, path)] = found(nested(MAX_DEPTH - 1))
    assert (code, path.count(".")) == ("too-long", MAX_DEPTH)
    assert found(nested(400))[0][0] == "too-long"


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_type_compiles(resource_type: str) -> None:
    issues = validate({"resourceType": resource_type, "id": "a", "meta": {"versionId": "1"}})
    assert all(issue.code in ("required", "invariant") for issue in issues)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "#a", "Patient/1", "2024", URL]),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "url", "extension", "valueString", "_valueString", "coding", "code", "system", "text", "reference",
             "contained", "resourceType", "start", "end", "low", "high", "value", "name", "given", "_given", "x"]
        ),
        below, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
NAMES = st.sampled_from(
    ["id", "meta", "text", "contained", "extension", "status", "code", "subject", "valueQuantity", "valuePeriod",
     "component", "referenceRange", "_status", "performer", "effectivePeriod", "dataAbsentReason", "note"]
)  # fmt: skip


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_anything_has_an_answer(members: dict[str, Any]) -> None:
    resource = {"resourceType": "Observation", **members}
    before = json.dumps(resource)
    for issue in validate(resource):
        assert issue.expression[0].startswith("Observation")
    assert json.dumps(resource) == before
