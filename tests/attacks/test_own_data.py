"""One's own data: somebody else's record by each operation, a guardian too long, too few scopes, files of others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.caller import Caller
from tests.attacks.record import Record

BROWSER = {
    "endpoint": "https://push.example.org/1",
    "key": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "secret": "BTBZMqHH6r4Tts7J_aSIgg",
}
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "$consents": ("GET", {}),
    "$consent": ("POST", {"purpose": "wellness", "granted": "true"}),
    "$browser-on": ("POST", BROWSER),
    "$access-report": ("GET", {}),
    "$portability": ("POST", {}),
    "$rectification": ("POST", {"resource": "Patient/{id}", "statement": "não é assim"}),
    "$erasure-plan": ("GET", {}),
    "$erasure": ("POST", {"statement": "apaguem"}),
    "$data-requests": ("GET", {}),
}
TOO_SMALL = {
    "$consents": "patient/Patient.rs patient/Communication.crs",
    "$consent": "patient/Patient.rs patient/Consent.rs patient/Communication.crs",
    "$browser-on": "patient/Patient.rs patient/Consent.rs patient/Basic.cruds patient/Communication.crs",
    "$access-report": "patient/Consent.crs",
    "$portability": "patient/Patient.r patient/Consent.crs",
    "$rectification": "patient/Patient.rs patient/Communication.rs patient/Consent.crs",
    "$erasure-plan": "patient/Patient.rs patient/Consent.crs",
    "$erasure": "patient/Patient.rs patient/Communication.rs",
    "$data-requests": "patient/Patient.rs patient/Consent.crs",
}
DONE = {"$portability": 202, "$rectification": 201, "$erasure": 201}


@pytest.fixture(scope="module")
def own(caller: Caller) -> Record:
    return Record(caller, f"x{secrets.token_hex(6)}")


@pytest.fixture
def enter(own: Record) -> Callable[..., str]:
    def member(scope: str = "patient/*.cruds", who: str = "a", **more: Any) -> str:
        id = f"{who}-{own.mark}"
        given = {"roles": ("member",), "patient": id, "fhir_user": f"Patient/{id}", "subject": f"member-{id}"} | more
        return own.caller.token(scope, **given)

    return member


def call(record: Record, operation: str, id: str, token: str) -> int:
    method, given = OPERATIONS[operation]
    values = [{"name": name, "valueString": value.format(id=id)} for name, value in given.items()]
    body = {"resourceType": "Parameters", "parameter": values} if method == "POST" else None
    return record.caller.get(f"Patient/{id}/{operation}", token, method, body).status


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_is_the_person_s(own: Record, enter: Callable[..., str], operation: str) -> None:
    assert call(own, operation, own.a, enter()) == DONE.get(operation, 200)
    assert call(own, operation, own.b, enter()) == 404
    assert call(own, operation, f"nobody-{own.mark}", enter()) == 404
    assert call(own, operation, own.a, enter(who="b")) == 404
    # A guardian of somebody who is of age by now.
    grown = enter(roles=("guardian",), fhir_user=f"RelatedPerson/x-{own.mark}", subject=f"guardian-{own.mark}")
    assert call(own, operation, own.a, grown) == 404
    assert call(own, operation, own.a, enter(TOO_SMALL[operation])) == 403
    # A physician sees the record, and speaks for nobody.
    physician = own.caller.token("user/*.cruds", roles=("physician",), fhir_user=f"Practitioner/doctor-{own.mark}")
    expected = 200 if operation == "$consents" else 403
    assert call(own, operation, own.a, physician) == expected


def test_files_are_nobody_else_s(own: Record, enter: Callable[..., str]) -> None:
    answer = own.caller.get(f"Patient/{own.a}/$portability", enter(), "POST")
    assert answer.status == 202
    job = answer.headers["content-location"].partition("/fhir/")[2]
    own.caller.eventually(lambda: own.caller.get(job, enter()).status == 200, 60, 0.25)  # 20 in a second are too often
    manifest = own.caller.get(job, enter()).json()
    names = [one["url"].rpartition("/")[2] for one in manifest["output"]] + ["Resumo.1.txt"]
    assert "Patient.1.ndjson" in names
    for path in (job, *(f"{job}/{name}" for name in names)):
        assert own.caller.get(path, enter()).status == 200
        for token in (
            enter(who="b"), own.caller.token("system/*.cruds", client="other"), own.operator,
            enter(client="another-app"), enter(patient=own.b),
        ):  # fmt: skip
            assert own.caller.get(path, token).status == 404, path
        assert own.caller.get(path, enter("patient/Patient.rs")).status == 403, path
    assert own.caller.get(job, enter(who="b"), "DELETE").status == 404


def test_an_erasure_needs_the_officer_and_a_second_factor_just_now(own: Record, enter: Callable[..., str]) -> None:
    asked = own.caller.get(f"Patient/{own.a}/$erasure", enter(), "POST")
    assert asked.status == 201
    decide = f"Task/{asked.json()['id']}/$decide"
    body = {"resourceType": "Parameters", "parameter": [
        {"name": "decision", "valueCode": "accept"}, {"name": "reason", "valueString": "pode"}]}  # fmt: skip

    def decided(token: str) -> int:
        return own.caller.get(decide, token, "POST", body).status

    def officer(seconds: int | None, acr: str = "2", role: str = "privacy-officer") -> str:
        shown = None if seconds is None else int(time.time()) - seconds
        return own.caller.token("user/*.cruds", roles=(role,), subject=f"officer-{own.mark}", auth_time=shown, acr=acr)

    assert decided(enter()) == 403
    assert decided(own.operator) == 403
    assert decided(officer(0, role="security-officer")) == 403
    assert decided(officer(None)) == 403
    assert decided(officer(301)) == 403
    assert decided(officer(0, acr="1")) == 403
    assert decided(officer(0)) == 200
    assert decided(officer(0)) == 409
