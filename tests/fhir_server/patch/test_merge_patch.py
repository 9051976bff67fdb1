"""JSON Merge Patch: a table of what it does and refuses; hypothesis for what always holds."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import Invalid, Unprocessable
from fhir_server.patch.merge_patch import apply

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "maritalStatus": {"text": "x", "coding": [{"code": "M"}]},
    "name": [{"family": "Silva", "given": ["Ana"]}],
    "extension": [{"url": "a", "valueDecimal": Decimal("1.10")}],
}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"active": False}, {"active": False}),
        ({"gender": "female"}, {"gender": "female"}),
        ({"active": None}, {"active": None}),
        ({"gender": None}, {}),
        ({"maritalStatus": {"text": "y"}}, {"maritalStatus": {"text": "y", "coding": [{"code": "M"}]}}),
        ({"maritalStatus": {"text": None}}, {"maritalStatus": {"coding": [{"code": "M"}]}}),
        ({"maritalStatus": {"text": None, "coding": None}}, {"maritalStatus": None}),
        ({"contact": {"gender": None}}, {}),
        ({"name": [{"family": "Souza"}]}, {"name": [{"family": "Souza"}]}),
        ({"name": []}, {"name": None}),
        ({"active": {"text": "x"}}, {"active": {"text": "x"}}),
        ({"_birthDate": {"id": "x"}, "birthDate": "1970"}, {"_birthDate": {"id": "x"}, "birthDate": "1970"}),
        ({"name": [{"given": ["A", None]}]}, {"name": [{"given": ["A", None]}]}),
        ({"resourceType": "Patient", "id": "p"}, {}),
    ],
)
def test_merged(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    before = copy.deepcopy(PATIENT)
    expected = {name: value for name, value in {**PATIENT, **changed}.items() if value is not None}
    assert apply(PATIENT, patch) == expected
    assert before == PATIENT


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ([], Invalid),
        ("x", Invalid),
        (None, Invalid),
        ({"id": "q"}, Unprocessable),
        ({"id": None}, Unprocessable),
        ({"resourceType": "Person"}, Unprocessable),
    ],
)
def test_refused(patch: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        apply(PATIENT, patch)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "active", "name", "maritalStatus"]), VALUES))
def test_twice_is_once(patch: dict[str, Any]) -> None:
    once = apply(PATIENT, patch)
    assert apply(once, patch) == once
