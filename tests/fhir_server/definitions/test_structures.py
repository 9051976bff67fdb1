"""Types and elements as package data: a few that everybody knows, and what holds for all."""

from __future__ import annotations

import pytest

from fhir_server.definitions import (
    constraints,
    data_types,
    is_a,
    primitive_types,
    structure,
    summary_elements,
)
from fhir_server.resource_types import RESOURCE_TYPES


def test_every_type_is_there() -> None:
    names = data_types()
    assert len(names) == 209
    kinds = {name: structure(name).kind for name in names}
    resources = {name for name, kind in kinds.items() if kind == "resource" and not structure(name).abstract}
    assert resources == set(RESOURCE_TYPES)
    assert primitive_types() == {name for name, kind in kinds.items() if kind == "primitive-type"}
    assert len(primitive_types()) == 20


@pytest.mark.parametrize(
    ("path", "minimum", "maximum", "types", "choice"),
    [
        ("Patient.active", 0, 1, ["boolean"], False),
        ("Patient.name", 0, None, ["HumanName"], False),
        ("Patient.contact", 0, None, ["Patient.contact"], False),
        ("Patient.id", 0, 1, ["string"], False),
        ("Observation.status", 1, 1, ["code"], False),
        ("Observation.component.code", 1, 1, ["CodeableConcept"], False),
        ("Questionnaire.item.item", 0, None, ["Questionnaire.item"], False),
        ("Bundle.entry.link", 0, None, ["Bundle.link"], False),
        ("MedicationRequest.medication[x]", 1, 1, ["CodeableConcept", "Reference"], True),
        ("EvidenceVariable.characteristic.timeFromStart", 0, 1, ["Duration"], False),
        ("Extension.url", 1, 1, ["uri"], False),
    ],
)
def test_element(path: str, minimum: int, maximum: int | None, types: list[str], choice: bool) -> None:
    owner, _, name = path.rpartition(".")
    element = structure(owner).elements[name.removesuffix("[x]")]
    assert (element.path, element.min, element.max, element.choice) == (path, minimum, maximum, choice)
    assert [kind.code for kind in element.types] == types


def test_choice_names_in_json() -> None:
    names = structure("Observation").elements["effective"].json_names()
    assert {name: kind.code for name, kind in names.items()} == {
        "effectiveDateTime": "dateTime",
        "effectivePeriod": "Period",
        "effectiveTiming": "Timing",
        "effectiveInstant": "instant",
    }


def test_targets_and_bindings() -> None:
    elements = structure("Patient").elements
    assert elements["managingOrganization"].types[0].targets == ("Organization",)
    assert elements["gender"].value_set == "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert elements["maritalStatus"].value_set is None  # extensible, not required
    assert structure("Provenance").elements["target"].types[0].targets == ()  # Reference(Any)
    assert structure("Bundle.entry.response").elements["outcome"].types[0].code == "Resource"
    range_low = structure("Observation.referenceRange").elements["low"].types[0]
    assert (range_low.code, range_low.profiles) == ("Quantity", ("SimpleQuantity",))


def test_every_type_named_by_an_element_exists() -> None:
    for name in data_types():
        for element in structure(name).elements.values():
            for kind in element.types:
                if not kind.code.startswith("System."):
                    assert structure(kind.code).name == kind.code


def test_vendor_additions_are_gone() -> None:
    assert "project" not in structure("Meta").elements
    assert "url" not in structure("Binary").elements
    with pytest.raises(KeyError):
        structure("SubscriptionStatus")


def test_constraints() -> None:
    rules = {rule.key: rule for rule in constraints()}
    assert rules["per-1"].expression == "start.hasValue().not() or end.hasValue().not() or (start <= end)"
    assert rules["dom-6"].severity == "warning"
    assert {"obs-6", "obs-7", "dom-2"} <= {rule.key for rule in structure("Observation").constraints}
    assert [rule.key for rule in structure("Patient.contact").constraints] == ["ele-1", "pat-1"]
    assert len(constraints()) == 239


@pytest.mark.parametrize(
    ("name", "ancestor", "expected"),
    [
        ("Patient", "DomainResource", True),
        ("Patient", "Resource", True),
        ("Bundle", "DomainResource", False),
        ("Age", "Quantity", True),
        ("Quantity", "Age", False),
        ("code", "string", True),
        ("Patient.contact", "BackboneElement", True),
        ("Timing.repeat", "Element", True),
        ("Nothing", "Nothing", True),
    ],
)
def test_is_a(name: str, ancestor: str, expected: bool) -> None:
    assert is_a(name, ancestor) is expected


def test_summary_elements() -> None:
    found = summary_elements("Observation")
    assert {"id", "meta", "status", "code", "valueQuantity", "valueString"} <= found
    assert not {"text", "contained", "note", "interpretation", "referenceRange"} & found
