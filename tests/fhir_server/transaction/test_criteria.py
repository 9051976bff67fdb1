"""Criteria: conditional references, and what the Bundle's own resources answer."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.outcome import Invalid
from fhir_server.transaction.criteria import Present, criteria_of, reference_criteria

BASE = "http://hub.example/fhir"


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("Practitioner?identifier=s|v", ("Practitioner", (("identifier", "s|v"),))),
        ("Practitioner?identifier=s%7Cv&active=true", ("Practitioner", (("active", "true"), ("identifier", "s|v")))),
        (f"{BASE}/Location?name=x", ("Location", (("name", "x"),))),
    ],
)
def test_conditional_reference(text: str, criteria: Any) -> None:
    assert reference_criteria(text, BASE) == criteria


@pytest.mark.parametrize(
    "text",
    [
        "Nothing?identifier=v",
        "Patient/1?x=y",
        "?identifier=v",
        "Patient?",
        "Patient?identifier=",
        "http://x.example/P?a=b",
    ],
)
def test_conditional_reference_refused(text: str) -> None:
    with pytest.raises(Invalid):
        reference_criteria(text, BASE)


def test_the_order_of_parameters_does_not_count() -> None:
    assert criteria_of("Patient", [("b", "2"), ("a", "1")]) == criteria_of("Patient", [("a", "1"), ("b", "2")])


RESOURCES = {
    "1": {"identifier": [{"system": "s", "value": "v"}, {"value": "w"}]},
    "2": {"identifier": {"system": "s", "value": "v2"}, "url": "http://u"},
    "3": {"identifier": [{"system": "t", "value": "v"}], "masterIdentifier": {"system": "m", "value": "M"}},
    "4": {"identifier": ["broken", {"system": "s"}]},
}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ([("identifier", "s|v")], ["1"]),
        ([("identifier", "v")], ["1", "3"]),
        ([("identifier", "|w")], ["1"]),
        ([("identifier", "|v")], []),
        ([("identifier", "s|v,t|v")], ["1", "3"]),
        ([("identifier", "v"), ("identifier", "t|v")], ["3"]),
        ([("identifier", "m|M")], ["3"]),
        ([("identifier", "s|v2"), ("url", "http://u")], ["2"]),
        ([("_id", "4")], ["4"]),
        ([("identifier", "none")], []),
        ([("identifier", "s|")], None),
        ([("identifier", "a\\|b")], None),
        ([("identifier", "s|v"), ("name", "x")], None),
        ([("identifier:not", "v")], None),
    ],
)
def test_present(query: list[tuple[str, str]], ids: list[str] | None) -> None:
    present = Present()
    for id, resource in RESOURCES.items():
        present.add(("Patient", id), resource)
    found = present.matches(criteria_of("Patient", query))
    assert found == (None if ids is None else [("Patient", id) for id in ids])
    assert not present.matches(criteria_of("Group", query))
