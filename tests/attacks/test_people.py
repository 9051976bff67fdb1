"""Attacks 27 to 29, 39 and 66: persons whose roles' policies do not go as far as their scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle
from tests.attacks.conftest import Rows
from tests.attacks.record import Record
from tests.attacks.world import day

Enter = Callable[..., str]


@pytest.fixture(scope="module")
def record(record: Record) -> Record:
    """And two organizations."""
    for name in ("clinic", "other"):
        record.put({"resourceType": "Organization", "id": f"{name}-{record.mark}", "name": name})
    return record


@pytest.fixture
def enter(record: Record) -> Enter:
    """Signs a person in: roles -> token."""

    def person(*roles: str, scope: str = "user/*.cruds", **more: Any) -> str:
        more.setdefault("fhir_user", f"Practitioner/doctor-{record.mark}")
        return record.caller.token(scope, roles=roles, subject=f"person-{record.mark}", **more)

    return person


def test_a_person_without_role_and_a_sales_role_see_nothing(record: Record, enter: Enter) -> None:
    for roles in ((), ("sales",), ("underwriting",), ("client:app",)):
        for path in (f"Patient/{record.a}", "Patient", f"Claim?patient={record.a}", "Organization", "Observation"):
            assert record.status(path, enter(*roles)) == 403, (roles, path)


def test_a_nurse_reads_the_record_and_writes_what_nurses_write(record: Record, enter: Enter) -> None:
    token = enter("nurse")
    assert record.status(f"Patient/{record.a}", token) == 200
    assert f"Observation/lab-a-{record.mark}" in record.shown(f"Observation?patient={record.a}", token)
    written = record.observation("a", "by-nurse")
    assert record.caller.get("Observation", token, "POST", written).status == 201
    assert record.status(f"Patient/{record.a}", token, "PUT", {"resourceType": "Patient", "id": record.a}) == 403
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
             "subject": {"reference": f"Patient/{record.a}"}, "medicationCodeableConcept": {"text": "x"}}  # fmt: skip
    assert record.status("MedicationRequest", token, "POST", order) == 403
    new = record.observation("a", "by-nurse-new")
    assert record.status(f"Observation/{new['id']}", token, "PUT", new) == 404


def test_27_staff_need_a_care_relation_within_24_months(record: Record, enter: Enter) -> None:
    mark = record.mark
    token = enter("provider-staff", organization=f"Organization/clinic-{mark}")
    paths = (
        f"Patient/{record.a}", f"Observation/lab-a-{mark}", f"Observation/lab-a-{mark}/_history/1",
        f"Patient/{record.a}/$everything", f"Condition/condition-{record.a}/_history",
    )  # fmt: skip

    def seen() -> list[int]:
        return [record.status(path, token) for path in paths]

    def encounter(**more: Any) -> None:
        record.put({"resourceType": "Encounter", "id": f"visit-{mark}", "status": "finished", "class": {"code": "AMB"},
                    "subject": {"reference": f"Patient/{record.a}"}} | more)  # fmt: skip

    clinic = {"reference": f"Organization/clinic-{mark}"}
    assert seen() == [404] * len(paths)
    assert record.shown(f"Observation?patient={record.a}", token) == set()
    assert record.status("Observation", enter("provider-staff")) == 403, "of no organization"
    encounter(serviceProvider=clinic)
    assert seen() == [404] * len(paths), "nobody knows when"
    encounter(serviceProvider=clinic, period={"start": day(-760), "end": day(-750)})
    assert seen() == [404] * len(paths), "older than the window"
    encounter(serviceProvider={"reference": f"Organization/other-{mark}"}, period={"start": day(-30)})
    assert seen() == [404] * len(paths), "at another organization"
    encounter(serviceProvider=clinic, period={"start": day(-700), "end": day(-690)})
    assert seen() == [200] * len(paths)
    assert f"Observation/lab-a-{mark}" in record.shown(f"Observation?patient={record.a}", token)
    assert not record.shown(f"Observation?patient={record.b}", token)
    bundle = record.shown(
        f"Observation?patient={record.a}&_include=*&_revinclude=Observation:has-member&_revinclude=Provenance:target",
        token,
    )
    assert not {one for one in bundle if one in record.foreign() and f"-b-{mark}" in one}
    forged = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "serviceProvider": clinic,
              "subject": {"reference": f"Patient/{record.b}"}, "period": {"start": day(-1)}}  # fmt: skip
    assert record.status("Encounter", token, "POST", forged) == 403, "nobody makes their own relation"
    assert record.status("Observation", token, "POST", record.observation("b", "forged")) in (403, 422)


def test_27_a_relation_by_place_claim_order_or_appointment(record: Record, enter: Enter) -> None:
    mark, patient = record.mark, {"reference": f"Patient/{record.b}"}
    token = enter("provider-staff", organization=f"Organization/other-{mark}")
    organization = {"reference": f"Organization/other-{mark}"}
    place = {"resourceType": "Location", "id": f"ward-{mark}", "managingOrganization": organization}
    record.put(place)
    relations: list[dict[str, Any]] = [
        {"resourceType": "Appointment", "status": "booked", "start": f"{day(-3)}T10:00:00Z",
         "end": f"{day(-3)}T11:00:00Z",
         "participant": [{"actor": patient, "status": "accepted"},
                         {"actor": {"reference": f"Location/ward-{mark}"}, "status": "accepted"}]},
        {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": patient,
         "authoredOn": day(-5), "performer": [organization]},
        {"resourceType": "Claim", "status": "active", "type": {"text": "x"}, "use": "claim", "patient": patient,
         "created": day(-6), "provider": organization, "priority": {"text": "x"},
         "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}]},
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": patient,
         "period": {"start": day(-9)}, "location": [{"location": {"reference": f"Location/ward-{mark}"}}]},
    ]  # fmt: skip
    for number, one in enumerate(relations):
        path = f"{one['resourceType']}/relation-{number}-{mark}"
        assert record.status(f"Patient/{record.b}", token) == 404, path
        record.put(one | {"id": f"relation-{number}-{mark}"})
        assert record.status(f"Patient/{record.b}", token) == 200, path
        assert record.status(path, record.operator, "DELETE") == 204
    assert record.status(f"Patient/{record.b}", token) == 404


def test_28_members_see_their_own_and_guardians_a_child_s(record: Record, enter: Enter) -> None:
    member = enter("member", fhir_user=f"Patient/{record.a}")
    assert record.status(f"Patient/{record.a}", member) == 200
    assert record.status(f"Patient/{record.b}", member) == 404
    assert record.shown("Observation", member) >= {f"Observation/lab-a-{record.mark}"}
    assert not record.shown("Observation", member) & set(record.foreign())
    assert record.status(f"Claim?patient={record.b}", member) == 200
    assert record.shown(f"Claim?patient={record.b}", member) == set()
    parent = {"fhir_user": f"RelatedPerson/parent-{record.mark}", "patient": f"child-{record.mark}"}
    child = {"resourceType": "Patient", "id": f"child-{record.mark}", "birthDate": day(-6560)}
    record.put(child)
    for scope in ("patient/*.rs", "user/*.rs"):
        token = enter("guardian", scope=scope, **parent)
        record.put(child)
        assert record.status(f"Patient/child-{record.mark}", token) == 200
        assert record.status(f"Patient/{record.a}", token) == 404
        record.put(child | {"birthDate": day(-6580)})
        assert record.status(f"Patient/child-{record.mark}", token) == 404, "after the 18th birthday"
        record.put({name: value for name, value in child.items() if name != "birthDate"})
        assert record.status(f"Patient/child-{record.mark}", token) == 404, "nobody knows how old"


def test_29_hidden_elements(record: Record, enter: Enter, rows: Rows) -> None:
    rows([
        {"role": "clerk", "types": ["Patient"], "interactions": "crus", "hidden": ["birthDate", "identifier"]},
        {"role": "clerk", "types": ["Observation", "Condition"], "interactions": "rs"},
    ])  # fmt: skip
    token, id = enter("clerk"), record.a
    record.until(f"Patient/{id}", token, 200)
    for path in (f"Patient/{id}", f"Patient/{id}/_history/1", f"Patient/{id}?_elements=birthDate"):
        body = record.caller.get(path, token).json()
        assert not body.keys() & {"birthDate", "identifier"}, path
    assert "name" in record.caller.get(f"Patient/{id}", token).json()
    for path in (
        f"Patient?_id={id}",
        f"Observation?patient={id}&_include=Observation:patient",
        f"Patient?_id={id}&_summary=true",
        f"Patient/{id}/_history",
        f"Patient?_id={id}&_elements=birthDate",
    ):
        answer = record.caller.get(path, token)
        assert answer.status == 200, path
        assert b"1970-01-31" not in answer.body, path
        assert b"urn:p" not in answer.body, path
    for query in (
        "Patient?birthdate=1970-01-31", "Patient?_sort=birthdate", "Patient?_sort=-birthdate", "Patient?identifier=x",
        "Patient?identifier:of-type=a|b|c", "Patient?birthdate:missing=true", "Patient?_filter=birthdate eq 1970-01-31",
        "Observation?patient.birthdate=1970-01-31", "Observation?patient:Patient.identifier=x",
        "Patient?birthdate=ge1970&birthdate=le1971", "Observation?_sort=patient.birthdate",
        "Patient?_filter=not (birthdate eq 1970-01-31)", "Observation?_filter=patient.birthdate eq 1970-01-31",
    ):  # fmt: skip
        assert record.status(query.replace(" ", "%20"), token) == 403, query
    test = [{"op": "test", "path": "/birthDate", "value": "1970-01-31"}]
    other = [{"op": "test", "path": "/birthDate", "value": "1980-01-31"}]
    answers = [record.caller.get(f"Patient/{id}", token, "PATCH", one, Content_Type=PATCH) for one in (test, other)]
    assert [one.status for one in answers] == [403, 403]
    assert answers[0].body == answers[1].body
    assert record.status(f"Patient/{id}", token, "PUT", {"resourceType": "Patient", "id": id}) == 403
    assert record.status(f"Patient/{id}/$everything", token) == 403
    assert record.status(f"Patient?birthdate=1970-01-31&_id={id}", token, "PUT", {"resourceType": "Patient"}) == 403
    create = {"If_None_Exist": "birthdate=1970-01-31"}
    assert record.status("Patient", token, "POST", {"resourceType": "Patient"}, **create) == 403
    batch = bundle("batch", ("GET", f"Patient/{id}"), ("GET", "Patient?birthdate=1970"))
    answer = record.caller.get("", token, "POST", batch)
    assert b"1970-01-31" not in answer.body
    assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == ["200", "403"]


def test_29_read_only_elements(record: Record, enter: Enter, rows: Rows) -> None:
    rows([{"role": "scribe", "types": ["Observation"], "interactions": "crus", "read_only": ["status"]}])
    token, id = enter("scribe"), f"Observation/vital-b-{record.mark}"
    record.until(id, token, 200)
    stored = record.caller.get(id, token).json()
    assert record.status(id, token, "PUT", stored | {"language": "pt"}) == 200
    assert record.status(id, token, "PUT", stored | {"status": "amended"}) == 403
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert record.status(id, token, "PATCH", patch, Content_Type=PATCH) == 403


def test_29_hidden_elements_of_a_service(record: Record, rows: Rows) -> None:
    """A backend service whose client has rows is held to them as a person is."""
    client = f"reader-{record.mark}"
    rows([{"role": f"client:{client}", "types": ["Patient"], "interactions": "rs", "hidden": ["birthDate"]}])
    token, id = record.caller.token("system/*.cruds", client=client), record.a
    record.until("Observation", token, 403)
    for path in (f"Patient/{id}", f"Patient/{id}/_history", f"Patient?_id={id}", f"Patient?_id={id}&_summary=true"):
        answer = record.caller.get(path, token)
        assert answer.status == 200, path
        assert id.encode() in answer.body, path
        assert b"1970-01-31" not in answer.body, path


def test_29_read_only_elements_of_a_service(record: Record, rows: Rows) -> None:
    """Of types that are of no patient, too, whose writes are else judged by nobody."""
    client = f"registry-{record.mark}"
    rows([{"role": f"client:{client}", "types": ["Organization"], "interactions": "crus", "read_only": ["name"]}])
    token, id = record.caller.token("system/*.cruds", client=client), f"Organization/org-{record.mark}"
    record.until("Observation", token, 403)
    stored = record.caller.get(id, token).json()
    changed = [stored | {"language": "pt"}, stored | {"name": "other"}]
    assert [record.status(id, token, "PUT", one) for one in changed] == [200, 403]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "PUT", "url": id}, "resource": changed[1]}
    ]}  # fmt: skip
    assert record.status("", token, "POST", bundle) == 403


def test_39_a_right_that_was_lost_since(record: Record, enter: Enter, rows: Rows) -> None:
    rows([{"role": "temporary", "types": ["Observation"], "interactions": "rs", "criteria": "category=laboratory"}])
    token, lab, vital = enter("temporary"), f"Observation/lab-b-{record.mark}", f"Observation/vital-b-{record.mark}"
    record.until(lab, token, 200)
    assert record.status(vital, token) == 404
    assert record.status("Patient", token) == 403
    page = record.caller.get("Observation?_count=1", token).json()
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    rows([])
    record.until(lab, token, 403)
    assert record.status(following, token) == 403
    assert record.status("Observation", token) == 403


def test_66_roles_and_variables(record: Record, enter: Enter, rows: Rows) -> None:
    analyst = enter("claims-analyst")
    for path in ("Communication", "QuestionnaireResponse", "Observation", f"Observation/lab-a-{record.mark}",
                 f"Patient/{record.a}/Communication", "Claim?_revinclude=Communication:about",
                 "Encounter?_has:Communication:encounter:status=completed"):  # fmt: skip
        assert record.status(path, analyst) == 403, path
    assert record.status("Claim", analyst) == 200
    for role in ("operator", "nurse", "security-officer"):
        for path in ("policy", "Basic?code=policy", "$policy", "_policy"):
            assert record.status(path, enter(role), "PUT", {"resourceType": "Basic"}) in (400, 403, 404, 405), path
    rows([{"role": "worker", "types": ["Task"], "interactions": "rs", "criteria": "owner=%user"}])
    task = {"resourceType": "Task", "id": f"work-{record.mark}", "status": "draft", "intent": "order",
            "owner": {"reference": f"Practitioner/doctor-{record.mark}"}}  # fmt: skip
    record.put(task)
    token = enter("worker")
    record.until(f"Task/work-{record.mark}", token, 200)
    assert record.shown("Task", token) == {f"Task/work-{record.mark}"}
    nobody = enter("worker", fhir_user="Practitioner/nobody")
    assert record.status("Task?owner=%25user", nobody) == 400
    for query in ("Task", f"Task?owner=Practitioner/doctor-{record.mark}", f"Task?_id=work-{record.mark}"):
        assert record.shown(query, nobody) == set(), query
    assert record.status("Task", enter("worker", fhir_user="%user")) == 403
