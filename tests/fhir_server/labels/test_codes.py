"""Codes and the labels they call for."""

from __future__ import annotations

import pytest

from fhir_server.labels.codes import CID_10, label_of

ICD, SUS, LOINC = (
    "http://hl7.org/fhir/sid/icd-10",
    "http://www.saude.gov.br/fhir/r4/CodeSystem/BRTabelaSUS",
    "http://loinc.org",
)


@pytest.mark.parametrize(
    ("system", "code", "labels"),
    [
        (ICD, "F32.1", ("PSY",)),
        (ICD, "F321", ("PSY",)),
        (ICD, "f32", ("PSY",)),
        (ICD, "F10", ("ETH",)),
        (ICD, "F19.9", ("ETH",)),
        (ICD, "F20.0", ("PSY",)),
        (ICD, "F02.4", ("HIV", "PSY")),
        (ICD, "F02.3", ("PSY",)),
        (ICD, "B24", ("HIV",)),
        (ICD, "B25", ()),
        (ICD, "Z21", ("HIV",)),
        (ICD, "Z71.5", ("ETH",)),
        (ICD, "Z71.6", ()),
        (ICD, "T74.2", ("SDV",)),
        (ICD, "Y04", ()),
        (ICD, "Y06.0", ("SDV",)),
        (ICD, "X61", ("PSY",)),
        (ICD, "D57.1", ("GDIS",)),
        (ICD, "E11.9", ()),
        (ICD, "", ()),
        (SUS, "0303180013", ("HIV",)),
        (SUS, "0303170093", ("PSY",)),
        (SUS, "0303170182", ("ETH", "PSY")),
        (SUS, "0101010010", ()),
        (LOINC, "56888-1", ("HIV",)),
        (LOINC, "8867-4", ()),
        ("http://terminology.hl7.org/CodeSystem/v2-0074", "GE", ("GDIS",)),
        ("http://snomed.info/sct", "F32.1", ()),
    ],
)
def test_label(system: str, code: str, labels: tuple[str, ...]) -> None:
    assert label_of(system, code) == labels


@pytest.mark.parametrize("system", sorted(CID_10))
def test_every_edition(system: str) -> None:
    assert label_of(system, "B20.1") == ("HIV",)
