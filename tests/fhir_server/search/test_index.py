"""Rows of whole resources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fhir_server import migrations
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.by_reference import PRESENT
from fhir_server.search.contained import MARK
from fhir_server.search.index import index_rows
from fhir_server.search.parameters import shipped
from fhir_server.search.rows import BEGIN, END, Rows, hash32, hash64
from fhir_server.search.timeline import TIMELINE, dated_code

BASE = "http://fhir.example.org/fhir"
LOINC = "http://loinc.org"
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "1",
    "meta": {"tag": [{"system": "http://t", "code": "x"}], "profile": ["http://p"], "source": "http://s"},
    "identifier": [{"system": "http://i", "value": "Ab"}],
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "8867-4", "display": "Heart rate"}], "text": "Heart rate"},
    "subject": {"reference": "Patient/p"},
    "performer": [{"reference": f"{BASE}/Practitioner/d"}, {"reference": "http://else/fhir/Practitioner/d"}],
    "effectiveDateTime": "2024-05-01T10:00:00Z",
    "valueQuantity": {"value": 72, "unit": "beats/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}
INSTANT = 1_714_557_600_000_000


def rows(**members: Any) -> Rows:
    return index_rows(OBSERVATION | members, BASE)


def number(code: str) -> int:
    return hash32(f"Observation.{code}")


def test_tokens() -> None:
    found = rows()
    heart_rate = (hash64("8867-4"), hash32(LOINC))
    assert set(found.token) == {
        (number("status"), hash64("final"), 0, None, None),
        (number("code"), *heart_rate, INSTANT, INSTANT + 1_000_000),
        (number("_tag"), hash64("x"), hash32("http://t"), None, None),
        (number("identifier"), hash64("Ab"), hash32("http://i"), None, None),
    }
    assert set(found.patient_value) == {
        ("p", number("status"), hash64("final"), 0),
        ("p", number("code"), *heart_rate),
    }
    assert set(found.string) == {
        (number("code:text"), "heart rate", hash64("Heart rate")),
        (number("identifier:sort"), "ab", 0),
    }


def test_a_code_without_a_date_has_none() -> None:
    found = rows(effectiveDateTime=None)
    assert (number("code"), hash64("8867-4"), hash32(LOINC), None, None) in found.token


def test_the_migration_dates_the_codes_of_the_same_types() -> None:
    text = (Path(str(migrations.__file__)).parent / "versions" / "0006_token_dates.sql").read_text()
    dated = {one: code for one in TIMELINE if (code := dated_code(one))}
    expected = {(code.param_id, hash32(f"{one}.{TIMELINE[one]}")) for one, code in dated.items()}
    assert {(int(code), int(at)) for code, at in re.findall(r"\((-?\d+), (-?\d+)\)", text)} == expected


def test_references() -> None:
    found = rows()
    assert set(found.reference) == {
        (number("patient"), "Patient", "p"),  # and therefore of subject
        (number("performer"), "Practitioner", "d"),
    }
    assert found.reference_other == [(number("performer"), hash64("http://else/fhir/Practitioner/d"))]
    assert set(found.uri) == {(number("_profile"), "http://p"), (number("_source"), "http://s")}


def test_dates() -> None:
    found = rows()
    assert found.date == [(number("date"), INSTANT, INSTANT + 1_000_000)]
    assert found.patient_date == [("p", INSTANT, INSTANT + 1_000_000)]
    assert rows(effectiveDateTime=None, effectivePeriod={"start": "2024-05-01T10:00:00Z"}).date == [
        (number("date"), INSTANT, END)
    ]
    assert rows(effectiveDateTime=None, effectivePeriod={"end": "1970"}).date == [
        (number("date"), BEGIN, 365 * 86_400_000_000)
    ]


def test_quantities() -> None:
    found = rows()
    assert {(row[0], row[2]) for row in found.quantity} == {
        (number("value-quantity"), "72"),
        (number("value-quantity"), "1.2"),
    }
    assert len(found.quantity) == 3
    assert len(found.composite) == 3
    assert {row[0] for row in found.composite} == {number("code-value-quantity")}


@pytest.mark.parametrize("subject", [{"reference": "#p"}, {"display": "somebody"}])
def test_a_reference_to_nothing_is_there_but_is_no_patient(subject: dict[str, Any]) -> None:
    found = rows(subject=subject, performer=[])
    assert found.reference == []
    assert found.reference_other == [(number("subject"), PRESENT)]
    assert found.patient_value == []
    assert found.patient_date == []


def test_another_kind_of_subject_is_no_patient() -> None:
    found = rows(subject={"reference": "Group/g"}, performer=[])
    assert found.reference == [(number("subject"), "Group", "g")]


def test_versioned_reference() -> None:
    found = rows(subject={"reference": "Patient/p/_history/3"}, performer=[])
    assert found.reference == [(number("patient"), "Patient", "p")]
    assert found.reference_other == [(number("patient"), hash64("Patient/p/_history/3"))]


def test_logical_reference() -> None:
    found = rows(subject={"type": "Patient", "identifier": {"system": "http://i", "value": "9"}}, performer=[])
    assert {row[0] for row in found.token if row[1] == hash64("9")} == {
        number("patient:identifier"),
    }


def test_each_reference_is_stored_once_and_found_by_both_parameters() -> None:
    """subject has the rows of patient, whatever it refers to; those of its own are no Patients."""
    subject, patient = (shipped("Observation")[code] for code in ("subject", "patient"))
    assert set(subject.param_ids) == {number("subject"), number("patient")}
    assert subject.ids_to(["Patient"]) == subject.ids_to(["#Patient"]) == patient.param_ids == (number("patient"),)
    assert subject.ids_to(["Group", "Device"]) == (number("subject"),)
    assert set(subject.ids_to(["Group", "Patient"])) == set(subject.param_ids)
    assert dict(shipped("Appointment")["actor"].parts) == {
        "Location": "location", "Patient": "patient", "Practitioner": "practitioner"
    }  # fmt: skip
    assert shipped("AllergyIntolerance")["patient"].parts == ()


def test_the_migration_leaves_each_reference_where_it_is_written() -> None:
    text = (Path(str(migrations.__file__)).parent / "versions" / "0017_parts.sql").read_text()
    expected = {
        (hash32(f"{name}.{one.code}{suffix}"), hash32(f"{name}.{part}{suffix}"))
        for plain in RESOURCE_TYPES
        for name in (plain, MARK + plain)
        for one in shipped(name).values()
        for _, part in one.parts
        for suffix in ("", ":identifier")
    }
    assert {(int(a), int(b)) for a, b in re.findall(r"\((-?\d+), (-?\d+)\)", text)} == expected


def test_no_duplicates() -> None:
    coding = {"system": LOINC, "code": "8867-4"}
    found = rows(code={"coding": [coding, coding]}, performer=[{"reference": "Practitioner/d"}] * 2)
    for name in Rows.__slots__:
        table = getattr(found, name)
        assert len(table) == len(set(table)), name


def test_filtered_and_computed_parameters() -> None:
    patient = {
        "resourceType": "Patient",
        "telecom": [
            {"system": "phone", "value": "1"},
            {"system": "email", "value": "A@b"},
            {"system": "fax", "value": "2"},
        ],
        "deceasedDateTime": "2020",
        "birthDate": "1980-02-29",
        "_birthDate": {"extension": []},
        "name": [{"family": "Carreño Quiñones", "given": ["Ana", None]}],
    }
    found = index_rows(patient, BASE)
    tokens = {(row[0], row[1]) for row in found.token}
    assert (hash32("Patient.phone"), hash64("1")) in tokens
    assert (hash32("Patient.email"), hash64("a@b")) in tokens
    assert (hash32("Patient.phone"), hash64("2")) not in tokens
    assert (hash32("Patient.deceased"), hash64("true")) in tokens
    strings = {(row[0], row[1]) for row in found.string}
    assert (hash32("Patient.family"), "carreno quinones") in strings
    assert (hash32("Patient.family:word"), "quinones") in strings
    assert (hash32("Patient.given"), "ana") in strings


def test_alive() -> None:
    found = index_rows({"resourceType": "Patient"}, BASE)
    assert [row[1] for row in found.token] == [hash64("false")]


def test_canonical() -> None:
    found = index_rows(
        {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "http://q|1.0"}, BASE
    )
    questionnaire = hash32("QuestionnaireResponse.questionnaire")
    assert set(found.reference_other) == {(questionnaire, hash64("http://q")), (questionnaire, hash64("http://q|1.0"))}
    assert (questionnaire, "http://q") in found.uri


def test_first_entry_of_a_bundle_only() -> None:
    entries = [{"resource": {"resourceType": "Composition", "id": name}} for name in ("one", "two")]
    found = index_rows({"resourceType": "Bundle", "type": "document", "entry": entries}, BASE)
    assert found.reference_other == [(hash32("Bundle.composition"), hash64("Composition/one"))]


def test_extension() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName"
    found = index_rows({"resourceType": "Patient", "extension": [{"url": url, "valueString": "Rosa"}]}, BASE)
    assert found.string == [(hash32("Patient.mothersMaidenName"), "rosa", hash64("Rosa"))]


def test_unknown_type() -> None:
    with pytest.raises(KeyError):
        index_rows({"resourceType": "Nonsense"}, BASE)
