"""Changes prepared: what is refused, what is no change, what is created."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import FhirError, Invalid, Unprocessable
from fhir_server.prepare import (
    checked,
    prepare_create,
    prepare_delete,
    prepare_patched,
    prepare_update,
    reference_paths,
    same_content,
)
from fhir_server.version import Version, stamped
from mappings.r4 import parse

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "1", "active": True}


def stored(resource: dict[str, Any], version_id: int = 3) -> Version:
    body = stamped(resource, resource["resourceType"], resource["id"], version_id, 1_700_000_000_000_000)
    return Version(resource["resourceType"], resource["id"], 9, version_id, 1_700_000_000_000_000, "PUT", body)


DELETED = Version("Patient", "1", 9, 4, 5, "DELETE", None)


@pytest.mark.parametrize(
    ("resource", "id", "error"),
    [
        (PATIENT, None, None),
        (PATIENT, "1", None),
        ([], None, Invalid),
        (None, None, Invalid),
        ({}, None, Invalid),
        ({"resourceType": 1}, None, Invalid),
        ({"resourceType": "Observation"}, None, Invalid),
        (PATIENT, "2", Invalid),
        ({"resourceType": "Patient"}, "1", Invalid),
        ({"resourceType": "Patient", "id": "a_b"}, "a_b", Invalid),
        ({**PATIENT, "active": "yes"}, None, Unprocessable),
        ({**PATIENT, "nonsense": 1}, None, Unprocessable),
    ],
)
def test_checked(resource: Any, id: str | None, error: type[FhirError] | None) -> None:
    if error is None:
        assert checked(resource, "Patient", id)[0] is resource
    else:
        with pytest.raises(error) as caught:
            checked(resource, "Patient", id)
        assert type(caught.value) is error


def test_all_issues_at_once() -> None:
    with pytest.raises(Unprocessable) as caught:
        checked({"resourceType": "Patient", "active": "yes", "gender": "?", "nonsense": 1}, "Patient")
    assert len([issue for issue in caught.value.issues if issue.severity == "error"]) >= 3


def test_a_create_takes_the_id_of_the_server() -> None:
    change = prepare_create(PATIENT, "Patient", "new")
    assert (change.id, change.method, change.previous) == ("new", "POST", None)
    assert change.resource == {**PATIENT, "id": "new"}
    assert PATIENT["id"] == "1", "what was sent is left as it is"


def test_an_update() -> None:
    previous = stored({**PATIENT, "active": False})
    change = prepare_update(PATIENT, "Patient", "1", previous)
    assert change is not None
    assert (change.method, change.previous) == ("PUT", previous)
    assert prepare_update(PATIENT, "Patient", "1", stored(PATIENT)) is None
    assert prepare_update(PATIENT, "Patient", "1", None) is not None
    assert prepare_update(PATIENT, "Patient", "1", DELETED) is not None


def test_a_delete() -> None:
    change = prepare_delete(stored(PATIENT))
    assert change is not None
    assert (change.type, change.id, change.resource) == ("Patient", "1", None)
    assert prepare_delete(None) is None
    assert prepare_delete(DELETED) is None


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ('{"a": 1}', '{"a": 1}', True),
        ('{"a": 1, "b": [1, {"c": "d"}]}', '{"b": [1, {"c": "d"}], "a": 1}', True),
        ('{"a": 1.10}', '{"a": 1.10}', True),
        ('{"a": 1.10}', '{"a": 1.1}', False),
        ('{"a": 1.0}', '{"a": 1}', False),
        ('{"a": 12}', '{"a": 21}', False),
        ('{"a": 1E+999, "b": 1}', '{"b": 1, "a": 1E+999}', True),
        ('{"a": 1E+999}', '{"a": 1E+998}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": 1}', '{"b": 1}', False),
        ('{"meta": {"tag": [{"code": "x"}]}}', "{}", False),
        ("{}", '{"meta": {"versionId": "77", "lastUpdated": "2001-01-01T00:00:00Z"}}', True),
        ('{"meta": {"tag": []}}', '{"meta": {"tag": [], "versionId": "1"}}', True),
    ],
)
def test_same_content(was: str, now: str, same: bool) -> None:
    before = parse(stored({**PATIENT, **parse(was.encode())}).body or b"")
    assert same_content({**PATIENT, **parse(now.encode())}, before) is same


_VALUES = st.recursive(
    st.booleans() | st.integers(-99, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES, _VALUES)
def test_same_content_agrees_with_json(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert same_content({**PATIENT, "x": other}, {"x": one, **PATIENT}) is same


@pytest.mark.parametrize(
    "patched",
    [[], {**PATIENT, "id": "2"}, {**PATIENT, "resourceType": "Group"}, {"id": "1"}, {**PATIENT, "active": 1}],
)
def test_a_patch_may_not_make_something_else_of_it(patched: Any) -> None:
    with pytest.raises(Unprocessable):
        prepare_patched(patched, stored(PATIENT))


def test_a_patch() -> None:
    change = prepare_patched({**PATIENT, "active": False}, stored(PATIENT))
    assert change is not None
    assert change.method == "PATCH"
    assert prepare_patched(PATIENT, stored(PATIENT)) is None


def test_reference_paths() -> None:
    resource = {
        "resourceType": "List",
        "subject": {"reference": "Patient/1/_history/2"},
        "entry": [{"item": {"reference": "http://a/fhir/Patient/1"}}, {"item": {"reference": "Patient/2"}}],
    }
    assert reference_paths(resource, {"Patient/1"}, "http://a/fhir") == ["List.subject", "List.entry[0].item"]
