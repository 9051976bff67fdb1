"""Expressions as paths."""

from __future__ import annotations

import pytest

from fhir_server.search.paths import Leaf, branches, leaves


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("A.b | C.d", ("A.b", "C.d")),
        ("(A.b as Quantity) | (A.b as Range)", ("A.b.as(Quantity)", "A.b.as(Range)")),
        ("A.b as Quantity", ("A.b.as(Quantity)",)),
        ("(A.value as CodeableConcept).text", ("A.value.as(CodeableConcept).text",)),
        ("A.b.where(c='x|y')", ("A.b.where(c='x|y')",)),
    ],
)
def test_branches(expression: str, parts: tuple[str, ...]) -> None:
    assert branches(expression) == parts


def test_a_choice_becomes_its_json_names() -> None:
    found = leaves("Patient.deceased", "Patient")
    assert [(leaf.moves, leaf.data_type) for leaf in found] == [
        ((("key", "deceasedBoolean"),), "boolean"),
        ((("key", "deceasedDateTime"),), "dateTime"),
    ]


def test_where_resolves() -> None:
    (leaf,) = leaves("Observation.subject.where(resolve() is Patient)", "Observation")
    assert leaf.resolves_to == "Patient"
    assert leaf.moves == (("key", "subject"),)


def test_where_equals() -> None:
    (leaf,) = leaves("Patient.telecom.where(system='email')", "Patient")
    assert leaf.moves == (("key", "telecom"), ("equals", "system", "email"))


def test_extension_leads_to_its_values() -> None:
    found = leaves("Patient.extension('http://e')", "Patient")
    assert Leaf((("key", "extension"), ("equals", "url", "http://e"), ("key", "valueString")), "string") in found


def test_relative_path() -> None:
    (leaf,) = leaves("value.as(Quantity)", "Observation.component", rooted=False)
    assert leaf.moves == (("key", "valueQuantity"),)


@pytest.mark.parametrize("expression", ["Patient.name.exists()", "Patient.nonsense", "Patient.name.given & 'x'"])
def test_beyond(expression: str) -> None:
    with pytest.raises(ValueError):
        leaves(expression, "Patient")
