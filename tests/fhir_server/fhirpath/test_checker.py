"""Static check: expressions that fit the types of R4, and such that do not."""

from __future__ import annotations

import pytest

from fhir_server.fhirpath import FhirPathError, compile_expression
from fhir_server.fhirpath.checker import check_expression

FITS = [
    ("Patient", "Patient.name.where(use = 'official').given.first()"),
    ("Patient", "contact.name.family"),
    ("Patient", "deceased.ofType(dateTime)"),
    ("Patient", "extension('http://x').value.code"),
    ("Patient", "contained.anything"),
    ("Patient", "managingOrganization.resolve().anything"),
    ("Patient", "Resource.id"),
    ("Patient.contact", "name.family"),
    ("Observation", "(value as Quantity).unit"),
    ("Questionnaire", "item.item.item.linkId"),
    ("Bundle", "entry.resource.anything"),
]
DOES_NOT_FIT = [
    ("Patient", "name.nothing"),
    ("Patient", "Observation.status"),
    ("Patient", "name.where(nothing = 'a')"),
    ("Patient", "Patient.name.as(HumanName).use"),
    ("Patient", "children().skip(1)"),
    ("Patient", "descendants()[0]"),
    ("Observation", "valueQuantity.unit"),
    ("Observation", "(value as Period).unit"),
]


@pytest.mark.parametrize(("type_name", "text"), FITS)
def test_fits(type_name: str, text: str) -> None:
    check_expression(compile_expression(text), type_name)


@pytest.mark.parametrize(("type_name", "text"), DOES_NOT_FIT)
def test_does_not_fit(type_name: str, text: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        check_expression(compile_expression(text), type_name)
    assert caught.value.kind == "semantic"
