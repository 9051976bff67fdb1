"""Attacks 62 and 63: labels and consents in what operations answer, in counts beside, and after a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.conftest import Labelled
from tests.attacks.record import LOINC, Record

PHQ_9 = "44249-1"
"""A questionnaire on depression, which makes an Observation sensitive."""


@pytest.fixture
def nurse(record: Record) -> str:
    """Of somebody who treats nobody."""
    user = f"Practitioner/doctor-{record.mark}"
    return record.caller.token("user/*.rs", roles=("nurse",), subject=f"nurse-{record.mark}", fhir_user=user)


def test_63_operations(record: Record, labelled: Labelled, nurse: str) -> None:
    call, mark = record.caller.get, record.mark
    tag = {"system": "urn:tags", "code": f"tag-{mark}"}
    code = {"coding": [{"system": LOINC, "code": PHQ_9}]}
    within = {"reference": f"Encounter/encounter-{record.a}"}
    asked = record.observation("a", "phq", code=code, meta={"tag": [tag]}, encounter=within, valueString=f"word{mark}")
    record.put(asked)
    path = f"Observation/phq-{mark}"
    assert path in record.shown(f"Observation/$lastn?patient={record.a}&code={PHQ_9}", record.operator)
    for way in (
        f"Observation/$lastn?patient={record.a}&code={PHQ_9}", f"Observation/$lastn?patient={record.a}&max=100",
        f"Encounter/encounter-{record.a}/$everything", f"Encounter/encounter-{record.a}/Observation",
        f"Patient/{record.a}/$everything?_type=Observation", "Patient/$everything?_type=Observation",
        f"Encounter?_id=encounter-{record.a}&_revinclude=*", f"Observation?_tag=urn:tags|tag-{mark}",
        f"Observation?value-string=word{mark}", "Observation?_lastUpdated=gt2000&_sort=-_lastUpdated&_count=50",
    ):  # fmt: skip
        found = record.shown(way, nurse)
        assert path not in found, way
        assert labelled.psy not in found, way
    assert record.shown(f"Encounter?_has:Observation:encounter:code={PHQ_9}&subject={record.a}", nurse) == set()
    for way in ("Observation/$meta", f"{path}/$meta", "$meta"):
        assert f"tag-{mark}".encode() not in call(way, nurse).body, way
    assert f"tag-{mark}".encode() in call("Observation/$meta", record.operator).body
    narrow = record.token("patient/Observation.rs")
    assert call(f"Observation/$lastn?patient={record.a}&subject:Patient.name=x", narrow).status == 403, "a far type"
    assert call("Observation?_explain=true", nurse).status == 403
    assert call(f"{path}/$validate", nurse).status in (403, 404)


def test_62_a_deletion_opens_nothing(record: Record, nurse: str) -> None:
    """Of what is deleted nobody knows whose it was: what consent or label kept from somebody it keeps."""
    coding = [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
    actor = {"role": {"text": "x"}, "reference": {"reference": f"Practitioner/doctor-{record.mark}"}}
    consent: dict[str, Any] = {
        "resourceType": "Consent", "id": f"no-{record.mark}", "status": "active", "scope": {"coding": coding},
        "category": [{"text": "x"}], "patient": {"reference": f"Patient/{record.b}"}, "policyRule": {"text": "x"},
        "provision": {"type": "deny", "actor": [actor]},
    }  # fmt: skip
    path = f"Observation/lab-b-{record.mark}"
    assert record.status(path, nurse) == 200
    record.put(consent)
    assert record.status(path, nurse) == 404
    assert record.status(f"Observation/of-a-member-{record.mark}", record.operator, "DELETE") == 204
    assert record.status(path, record.operator, "DELETE") == 204
    for way in (path, f"{path}/_history", f"{path}/_history/1"):
        assert record.status(way, nurse) == 404, way
    for way in ("Observation/_history?_count=1000", "_history?_count=1000"):
        assert path not in record.shown(way, nurse), way
    assert record.status(f"{path}/_history/1", record.operator) == 200
