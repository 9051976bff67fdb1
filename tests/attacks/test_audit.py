"""Attacks 22 and 78 on the audit trail: forging it, reading it without the right, others in one's own report."""

from __future__ import annotations

import json

import pytest

from tests.attacks.record import Record


def test_who_acted_is_told(record: Record) -> None:
    token = record.token("patient/Patient.rs", client="reader", subject="nurse-7")
    assert record.caller.get(f"Patient/{record.a}", token).status == 200
    assert record.caller.get(f"Patient/{record.b}", token).status == 404
    own = record.events("AuditEvent/$trail?agent=nurse-7&client=reader", record.operator, 2)
    assert [event["outcome"] for event in own] == ["4", "0"]
    assert json.dumps(own[0]).count(record.b) == 0, "ids stand in the query, which is encoded, and nowhere else"


@pytest.mark.parametrize(
    "scope", ["patient/*.cruds", "patient/AuditEvent.rs", "system/Patient.rs", "system/AuditEvent.rs?_tag=x"]
)
def test_22_the_trail_is_not_for_everybody(record: Record, scope: str) -> None:
    assert record.caller.get("AuditEvent/$trail", record.token(scope)).status == 403


def test_22_a_forged_event_is_no_part_of_it(record: Record) -> None:
    forged = {
        "resourceType": "AuditEvent", "type": {"code": "rest"}, "recorded": "2024-05-06T07:08:09Z",
        "agent": [{"requestor": True, "who": {"display": record.mark}}], "source": {"observer": {"display": "x"}},
    }  # fmt: skip
    assert record.caller.get("AuditEvent", record.operator, "POST", forged).status == 201
    found = record.events("AuditEvent/$trail?subtype=create", record.operator, 1)
    assert all(record.mark not in json.dumps(event["agent"]) for event in found)


def test_22_the_report_of_another_patient(record: Record) -> None:
    assert record.caller.get(f"Patient/{record.b}/$access-report", record.token()).status == 404


def test_22_the_report_is_no_matter_of_staff(record: Record) -> None:
    """Not even of those who may read the record: it is for the patient and the privacy officer."""
    path = f"Patient/{record.a}/$access-report"
    staff = {"subject": f"staff-{record.mark}", "fhir_user": "Practitioner/x"}
    for roles, scope in (
        (("nurse",), "user/*.rs"),
        (("physician",), "patient/*.rs"),
        (("claims-analyst",), "user/*.rs"),
        ((), "patient/*.rs"),
    ):
        token = record.caller.token(scope, roles=roles, patient=record.a, **staff)
        assert record.status(f"Patient/{record.a}", token) == 200, roles
        assert record.status(path, token) == 403, roles
        assert record.status("AuditEvent/$trail", token) == 403, roles
    assert record.status(path, record.caller.token("system/Patient.rs")) == 403
    child = f"child-{record.mark}"
    record.put({"resourceType": "Patient", "id": child, "birthDate": "2020-01-31"})
    for who in (
        {"roles": ("privacy-officer",), **staff}, {"roles": ("member",), "fhir_user": f"Patient/{record.a}"},
    ):  # fmt: skip
        assert record.status(path, record.caller.token("user/*.rs", **who)) == 200, who
    parent = record.caller.token("patient/*.rs", roles=("guardian",), patient=child, fhir_user="RelatedPerson/x")
    assert record.status(f"Patient/{child}/$access-report", parent) == 200
    assert record.status(path, record.token()) == 200


def test_78_the_own_report_names_nobody_else(record: Record) -> None:
    record.caller.get(f"Patient?_id={record.a},{record.b}", record.operator)
    found = record.events(f"Patient/{record.a}/$access-report", record.token(), 2)
    assert record.b not in json.dumps(found)
    assert all("Query" not in json.dumps(event) for event in found)
