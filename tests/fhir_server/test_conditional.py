"""Conditions as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.conditional import criteria, entity_tags, hold, lock_key, not_modified, require_criteria
from fhir_server.outcome import FhirError, Invalid, PreconditionFailed
from fhir_server.version import Version

SECOND_VERSION = Version("Patient", "1", 1, 2, 1_700_000_000_500_000, "PUT", b"{}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('W/"1"', {"1"}),
        ('"1"', {"1"}),
        ("1", {"1"}),
        ('W/"1", W/"2" ,"3"', {"1", "2", "3"}),
        (" * ", None),
    ],
)
def test_entity_tags(value: str, expected: set[str] | None) -> None:
    assert entity_tags("If-Match", value) == expected


@pytest.mark.parametrize("value", ["", "W/1", 'W/"1', "abc", '"1";"2"', "*, 1"])
def test_malformed_entity_tags(value: str) -> None:
    with pytest.raises(Invalid):
        entity_tags("If-Match", value)


@pytest.mark.parametrize(
    ("headers", "current", "error"),
    [
        ({}, None, None),
        ({}, SECOND_VERSION, None),
        ({"if-match": 'W/"2"'}, SECOND_VERSION, None),
        ({"if-match": 'W/"1", "2"'}, SECOND_VERSION, None),
        ({"if-match": "*"}, SECOND_VERSION, None),
        ({"if-match": 'W/"1"'}, SECOND_VERSION, PreconditionFailed),
        ({"if-match": 'W/"1"'}, None, PreconditionFailed),
        ({"if-match": "*"}, None, PreconditionFailed),
        ({"if-match": "x"}, SECOND_VERSION, Invalid),
        ({"if-none-match": "*"}, None, None),
        ({"if-none-match": "*"}, SECOND_VERSION, PreconditionFailed),
        ({"if-none-match": 'W/"1"'}, SECOND_VERSION, None),
        ({"if-none-match": 'W/"2"'}, SECOND_VERSION, PreconditionFailed),
    ],
)
def test_writes_are_held(headers: dict[str, str], current: Version | None, error: type[FhirError] | None) -> None:
    if error is None:
        hold(headers, current)
    else:
        with pytest.raises(error):
            hold(headers, current)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"if-none-match": 'W/"2"'}, True),
        ({"if-none-match": '"1", "2"'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": 'W/"1"'}, False),
        ({"if-none-match": 'W/"1"', "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}, False),
        ({"if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}, True),
        ({"if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT"}, False),
    ],
)
def test_not_modified(headers: dict[str, str], expected: bool) -> None:
    assert not_modified(headers, SECOND_VERSION) is expected


def test_if_modified_since_must_be_a_date() -> None:
    with pytest.raises(Invalid):
        not_modified({"if-modified-since": "soon"}, SECOND_VERSION)


@pytest.mark.parametrize("value", ["identifier=s%7Cv", "?identifier=s%7Cv", "Patient?identifier=s%7Cv"])
def test_criteria(value: str) -> None:
    assert criteria("Patient", value) == [("identifier", "s|v")]


@pytest.mark.parametrize("value", ["", "?", "identifier=", "_count=1", "Observation?", "Observation?code="])
def test_criteria_that_mean_everything_are_refused(value: str) -> None:
    with pytest.raises(Invalid):
        criteria("Patient", value)


def test_result_parameters_select_nothing() -> None:
    assert require_criteria([("_format", "json"), ("name", "x")], "a test") == [("name", "x")]


@given(st.permutations([("a", "1"), ("b", "2"), ("a", "3")]))
def test_a_lock_is_the_same_in_any_order(query: list[tuple[str, str]]) -> None:
    assert lock_key("Patient", query) == lock_key("Patient", [("a", "1"), ("a", "3"), ("b", "2")])
    assert lock_key("Patient", query) != lock_key("Group", query)
    assert lock_key("Patient", query) != lock_key("Patient", query[:2])
