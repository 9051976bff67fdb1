"""Attacks 19 and 62 to 65: labels, consents, break-glass, and results of models that nobody has reviewed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle
from tests.attacks.record import Record
from tests.attacks.world import day

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ICD = "http://hl7.org/fhir/sid/icd-10"
Enter = Callable[..., str]


@pytest.fixture(scope="module")
def record(record: Record) -> Record:
    """And two physicians."""
    for number in (1, 2):
        record.put({"resourceType": "Practitioner", "id": f"physician{number}-{record.mark}"})
    return record


@pytest.fixture
def enter(record: Record) -> Enter:
    def person(*roles: str, scope: str = "user/*.cruds", **more: Any) -> str:
        more.setdefault("fhir_user", f"Practitioner/physician1-{record.mark}")
        more.setdefault("subject", f"physician1-{record.mark}")
        return record.caller.token(scope, roles=roles, **more)

    return person


def condition(record: Record, id: str, code: str = "F32", who: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": f"{id}-{record.mark}",
        "subject": {"reference": f"Patient/{who}-{record.mark}"}, "code": {"coding": [{"system": ICD, "code": code}]},
    } | more  # fmt: skip


def consent(record: Record, provision: dict[str, Any], id: str = "privacy", who: str = "a", **more: Any) -> None:
    """Stores a Consent of a patient: in force with the next request."""
    record.put({
        "resourceType": "Consent", "id": f"{id}-{record.mark}", "status": "active",
        "scope": {"coding": coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{who}-{record.mark}"},
        "policyRule": {"coding": [{"system": ACT, "code": "OPTIN"}]}, "provision": provision,
    } | more)  # fmt: skip


def coding(system: str, *codes: str) -> list[dict[str, str]]:
    return [{"system": system, "code": code} for code in codes]


def actor(reference: str) -> list[dict[str, Any]]:
    return [{"role": {"text": "x"}, "reference": {"reference": reference}}]


def security(record: Record, path: str) -> list[str]:
    meta = record.caller.get(path, record.operator).json()["meta"]
    return [one["code"] for one in meta.get("security", ())]


def test_19_labels_are_the_server_s(record: Record) -> None:
    path = f"Condition/labelled-{record.mark}"
    record.put(condition(record, "labelled", meta={"security": [{"system": "urn:own", "code": "mine"}]}))
    assert security(record, path) == ["mine", "PSY"]
    record.put(condition(record, "labelled", "E11"))
    assert security(record, path) == ["PSY"], "what it was labelled stays"
    patch = [{"op": "remove", "path": "/meta/security"}]
    assert record.status(path, record.operator, "PATCH", patch, Content_Type=PATCH) == 200
    assert security(record, path) == ["PSY"]
    less = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"security": coding(ACT, "PSY")}}],
    }
    record.caller.get(f"{path}/$meta-delete", record.operator, "POST", less)
    assert security(record, path) == ["PSY"]
    both = bundle(
        "transaction", ("PUT", path, condition(record, "labelled", "B24")),
        ("POST", "Condition", condition(record, "posted", "T74.2")),
    )  # fmt: skip
    answer = record.caller.get("", record.operator, "POST", both)
    assert answer.status == 200
    assert security(record, path) == ["HIV", "PSY"]
    assert security(record, answer.json()["entry"][1]["response"]["location"].partition("/_history")[0]) == ["SDV"]
    found = record.shown(f"Condition?_security={ACT}|HIV&patient={record.a}", record.operator)
    assert found == {path}


def ways(record: Record, id: str) -> list[str]:
    """Searches that would bring a Condition of A."""
    return [
        f"Condition?patient={record.a}&_count=200", f"Condition?_id={id}-{record.mark}",
        f"Condition?code=F32&patient={record.a}",
        f"Condition?_security=PSY&patient={record.a}", f"Patient/{record.a}/Condition?_count=200",
        f"Patient?_id={record.a}&_revinclude=Condition:patient", f"Patient/{record.a}/$everything",
        f"Condition?patient={record.a}&_sort=-recorded-date&_count=200", "Condition/_history?_count=1000",
        f"Condition?_filter=subject%20re%20Patient/{record.a}&_count=200", "Condition?_count=1000",
    ]  # fmt: skip


def test_63_sensitive_labels(record: Record, enter: Enter) -> None:
    record.put(condition(record, "psy"))
    record.put(condition(record, "plain", "E11"))
    path, plain = f"Condition/psy-{record.mark}", f"Condition/plain-{record.mark}"
    nurse = enter("nurse")
    assert record.status(plain, nurse) == 200
    for way in (path, f"{path}/_history", f"{path}/_history/1"):
        assert record.status(way, nurse) == 404, way
    for way in ways(record, "psy"):
        assert path not in record.shown(way, nurse), way
    assert plain in record.shown(ways(record, "psy")[0], nurse)
    assert record.shown(f"Patient?_has:Condition:patient:code=F32&_id={record.a}", nurse) == set()
    for way in ("_summary=count", "_total=accurate"):
        total = record.caller.get(f"Condition?patient={record.a}&code=F32&{way}", nurse).json()["total"]
        assert total == 0
    assert record.status(path, nurse, "PUT", condition(record, "psy", "E11")) in (403, 404)
    batch = bundle("batch", ("GET", path))
    assert record.caller.get("", nurse, "POST", batch).json()["entry"][0]["response"]["status"][:3] == "404"
    own = record.token("patient/*.rs")
    assert record.status(path, own) == 200, "the patient's own app"
    member = enter("member", scope="patient/*.rs", patient=record.a, fhir_user=f"Patient/{record.a}")
    assert record.status(path, member) == 200
    assert record.status(path, enter("nurse", scope="patient/*.rs", patient=record.a)) == 404
    assert record.status(path, record.token("patient/*.rs", fhir_user="Practitioner/x")) == 404
    # A treating relation: the person themselves, within 24 months.
    treated = {"resourceType": "Encounter", "id": f"treats-{record.mark}", "status": "in-progress",
               "class": {"code": "AMB"},
               "subject": {"reference": f"Patient/{record.a}"}, "period": {"start": day(-2)},
               "participant": [{"individual": {"reference": f"Practitioner/physician1-{record.mark}"}}]}  # fmt: skip
    record.put(treated)
    assert record.status(path, nurse) == 200
    assert all(path in record.shown(way, nurse) for way in ways(record, "psy"))
    other = enter("nurse", fhir_user=f"Practitioner/physician2-{record.mark}", subject="other")
    assert record.status(path, other) == 404
    assert record.status(f"Encounter/treats-{record.mark}", record.operator, "DELETE") == 204
    assert record.status(path, nurse) == 404


def test_62_a_permit_its_withdrawal_and_its_end(record: Record, enter: Enter) -> None:
    record.put(condition(record, "hiv", "B24"))
    record.put(condition(record, "psychic", "F20"))
    path, other = f"Condition/hiv-{record.mark}", f"Condition/psychic-{record.mark}"
    nurse = enter("nurse")
    assert record.status(path, nurse) == 404
    permit = {"type": "permit", "securityLabel": coding(ACT, "HIV"), "purpose": coding(REASON, "TREAT")}
    consent(record, permit)
    assert (record.status(path, nurse), record.status(other, nurse)) == (200, 404)
    auditor = enter("medical-auditor")
    assert record.status(path, auditor) == 404, "another purpose"
    consent(record, permit, status="inactive")
    assert record.status(path, nurse) == 404, "withdrawn"
    consent(record, permit | {"period": {"start": day(-20), "end": day(-2)}})
    assert record.status(path, nurse) == 404, "over"
    consent(record, permit | {"period": {"start": day(-20), "end": day(2)}})
    assert record.status(path, nurse) == 200
    consent(record, permit | {"actor": actor(f"Practitioner/physician2-{record.mark}")})
    assert record.status(path, nurse) == 404, "of another person"
    consent(record, permit | {"actor": actor(f"{record.caller.site.fhir_base}/Practitioner/physician1-{record.mark}")})
    assert record.status(path, nurse) == 200
    consent(
        record, permit | {"provision": [{"type": "deny", "actor": actor(f"Practitioner/physician1-{record.mark}")}]}
    )
    assert record.status(path, nurse) == 404, "an exception"
    assert record.status(path, enter("nurse", fhir_user=f"Practitioner/physician2-{record.mark}", subject="o")) == 200
    consent(record, permit | {"provision": [permit, permit | {"type": "deny"}]})
    assert record.status(path, nurse) == 404, "contrary ones"
    consent(record, permit | {"class": coding("http://hl7.org/fhir/resource-types", "Observation")})
    assert record.status(path, nurse) == 404, "of another type"
    consent(record, permit | {"code": [{"coding": coding(ICD, "B24")}]})
    assert record.status(path, nurse) == 200
    consent(record, permit | {"purpose": coding(REASON, "TREAT", "SOMETHING")})
    assert record.status(path, nurse) == 404, "a permit that is not understood is none"
    consent(record, permit, scope={"text": "research"})
    assert record.status(path, nurse) == 404, "not about privacy"
    consent(record, permit)
    assert record.status(path, nurse) == 200
    assert record.status(f"Consent/privacy-{record.mark}", record.operator, "DELETE") == 204
    assert record.status(path, nurse) == 404, "deleted"


def test_62_denials(record: Record, enter: Enter) -> None:
    path, lab = f"Condition/condition-{record.b}", f"Observation/lab-b-{record.mark}"
    nurse, other = enter("nurse"), enter("nurse", fhir_user=f"Practitioner/physician2-{record.mark}", subject="o")
    assert record.status(path, nurse) == 200
    mine = actor(f"Practitioner/physician1-{record.mark}")
    consent(record, {"provision": [{"type": "deny", "actor": mine}]}, "no", "b")
    for way in (path, f"Patient/{record.b}", lab):
        assert (record.status(way, nurse), record.status(way, other)) == (404, 200), way
    assert record.shown(f"Observation?patient={record.b}", nurse) == set()
    assert record.status(f"Patient/{record.b}", record.token(patient=record.b)) == 200
    labs = {"type": "deny", "actor": mine, "class": coding("http://hl7.org/fhir/resource-types", "Observation")}
    consent(record, {"provision": [labs]}, "no", "b")
    assert (record.status(path, nurse), record.status(lab, nurse)) == (200, 404)
    consent(
        record, {"provision": [labs | {"data": [{"meaning": "instance", "reference": {"reference": lab}}]}]}, "no", "b"
    )
    assert (record.status(lab, nurse), record.status(f"Observation/vital-b-{record.mark}", nurse)) == (404, 200)
    consent(record, {"provision": [labs | {"dataPeriod": {"start": "2023-01-01", "end": "2023-12-31"}}]}, "no", "b")
    assert record.status(lab, nurse) == 200
    consent(record, {"provision": [labs | {"dataPeriod": {"start": "2023-12-01", "end": "2024-12-31"}}]}, "no", "b")
    assert record.status(lab, nurse) == 404
    # The newest of a category rules.
    consent(record, {"type": "permit"}, "newer", "b", dateTime=day(1))
    assert record.status(lab, nurse) == 200
    consent(record, {"type": "permit"}, "newer", "b", dateTime="2020-01-01")
    assert record.status(lab, nurse) == 404
    consent(record, {"type": "permit"}, "newer", "b", dateTime=day(1), category=[{"text": "of something else"}])
    assert record.status(lab, nurse) == 404
    consent(record, {"type": "deny"}, "no", "b")
    assert record.status(lab, nurse) == 404
    # A consent opens nothing that policy or scope keeps closed.
    consent(record, {"type": "permit"}, "no", "b")
    assert record.status(lab, enter("claims-analyst")) == 403
    assert record.status(lab, enter("nurse", scope="user/Condition.rs")) == 403


def test_62_what_is_of_several_patients(record: Record, enter: Enter) -> None:
    """What one of them forbids, a search of the other's record does not show, nor what was theirs before."""
    nurse, own = enter("nurse"), record.token("patient/*.rs")
    said = {"asserter": {"reference": f"Patient/{record.b}"}}
    record.put(condition(record, "said", "E11", **said))
    record.put(condition(record, "alone", "E11"))
    said_path, alone = (f"Condition/{id}-{record.mark}" for id in ("said", "alone"))
    searches = [way.replace("F32", "E11") for way in ways(record, "said") if "_security" not in way]
    assert {said_path, alone} <= record.shown(searches[0], nurse)
    consent(record, {"type": "deny"}, "no-b", "b")
    try:
        for way in searches:
            assert said_path not in record.shown(way, nurse), way
        assert alone in record.shown(searches[0], nurse)
        assert record.status(said_path, nurse) == 404
        assert said_path in record.shown(searches[0], own), "their own app is not asked"
        record.put(condition(record, "said", "E11"))
        assert said_path in record.shown(searches[0], nurse)
        record.put(condition(record, "said", "E11", **said))
        assert said_path not in record.shown(searches[0], nurse)
    finally:
        assert record.status(f"Consent/no-b-{record.mark}", record.operator, "DELETE") == 204
    assert said_path in record.shown(searches[0], nurse)
    for id in ("said", "alone"):
        assert record.status(f"Condition/{id}-{record.mark}", record.operator, "DELETE") == 204


def test_64_break_glass(record: Record, enter: Enter) -> None:
    now = int(time.time())
    strong = {"subject": f"emergency-{record.mark}", "fhir_user": f"Practitioner/physician2-{record.mark}"}
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "unconscious in the ward"}]}
    record.put(condition(record, "glass-a", "B24"))
    record.put(condition(record, "glass-b", "B24", "b"))
    path, other, call = f"Condition/glass-a-{record.mark}", f"Condition/glass-b-{record.mark}", record.caller.get
    operation = f"Patient/{record.a}/$break-glass"
    with_factor = {"auth_time": now, "acr": "2"}
    physician = enter("physician", **strong, **with_factor)
    for token in (
        enter("physician", **strong), enter("physician", **strong, auth_time=now, acr="1"),
        enter("physician", **strong, auth_time=now - 400, acr="2"), enter("claims-analyst", **strong, **with_factor),
        enter("member", **strong, **with_factor, patient=record.a), record.token(), record.operator,
    ):  # fmt: skip
        assert call(operation, token, "POST", reason).status == 403
    short = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "  .        "}]}
    for body in (None, {"resourceType": "Parameters"}, short):
        assert call(operation, physician, "POST", body).status == 400
    assert call("Patient/nobody/$break-glass", physician, "POST", reason).status == 404
    assert record.status(path, physician) == 404
    answer = call(operation, physician, "POST", reason)
    assert answer.status == 200, answer.body
    began = time.monotonic()
    while record.status(path, physician) != 200:
        assert time.monotonic() - began < 8
        time.sleep(0.1)
    assert record.status(other, physician) == 404, "another patient's"
    assert record.status(f"{path}/_history/1", physician) == 200
    assert record.status(f"Condition?_id=glass-a-{record.mark}", physician) == 200
    assert record.status(path, enter("physician", subject="other")) == 404, "another person"
    tasks = call(f"Task?patient=Patient/{record.a}&status=requested", record.operator).json()["entry"]
    assert [one["resource"]["reasonCode"]["text"] for one in tasks] == ["unconscious in the ward"]
    told = call(f"Communication?recipient=Patient/{record.a}", record.token("patient/*.rs")).json()["entry"]
    assert len(told) == 1
    query = f"patient=Patient/{record.a}&agent={strong['subject']}"
    flagged = record.events(f"AuditEvent/$trail?{query}", record.operator, 4)
    assert all("BTG" in json.dumps(one["agent"]) for one in flagged)
    asked = {one["subtype"][0].get("code", one["subtype"][0].get("display")) for one in flagged}
    assert asked == {"$break-glass", "read", "vread", "search-type"}
    with record.caller.engine.begin() as connection:
        connection.exec_driver_sql("update break_glass set until = 1")
    assert record.status(path, physician) == 404, "over"


def test_65_results_of_models(record: Record, enter: Enter) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
    path = f"RiskAssessment/risk-{record.mark}"
    risk = {"resourceType": "RiskAssessment", "id": f"risk-{record.mark}", "status": "preliminary",
            "subject": {"reference": f"Patient/{record.a}"}, "meta": {"security": [label]}}  # fmt: skip
    record.put(risk)
    own = record.token("patient/*.rs")
    member = enter("member", fhir_user=f"Patient/{record.a}", subject="member")
    physician = enter("physician")

    def seen() -> list[int]:
        return [record.status(path, token) for token in (own, member)]

    assert seen() == [404, 404]
    for token in (own, member):
        for way in (f"RiskAssessment?patient={record.a}", f"RiskAssessment?subject=Patient/{record.a}",
                    f"Patient/{record.a}/$everything", f"Patient?_id={record.a}&_revinclude=RiskAssessment:patient",
                    "RiskAssessment", f"RiskAssessment?_id=risk-{record.mark}&patient={record.a}"):  # fmt: skip
            assert path not in record.shown(way, token), way
    total = record.caller.get(f"RiskAssessment?patient={record.a}&_summary=count", own).json()["total"]
    assert total == 0
    assert record.status(path, physician) == 200
    plain = {name: value for name, value in risk.items() if name != "meta"}
    record.put(plain | {"status": "final"})
    assert security(record, path) == ["AIAST"]
    assert seen() == [404, 404], "a machine does not review itself"
    assert record.status(path, physician, "PUT", plain) == 200
    assert seen() == [404, 404], "not final"
    assert record.status(path, physician, "PUT", plain | {"status": "final"}) == 200
    assert security(record, path) == []
    assert seen() == [200, 200]
