"""Attacks 76 to 78: neighbours that claim to be others or are sent our tokens, a service's credentials in wrong hands,
and what is told to whoever reads logs and metrics.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from joserfc import jwt

from tests.attacks.caller import EC, RSA, bundle
from tests.attacks.neighbour import Neighbour
from tests.attacks.record import EVERYTHING, Record
from tests.hub_process import Answer

LATER = {"Prefer": "respond-async"}


def test_76_no_decision_support_is_served(record: Record) -> None:
    """The hub has no CDS Hooks service: a call finds nothing, and the JWT of a CDS client is no bearer token."""
    caller = record.caller
    base = caller.site.fhir_base
    call = {
        "hook": "patient-view", "hookInstance": secrets.token_hex(16), "fhirServer": "https://fhir.evil.example/r4",
        "fhirAuthorization": {"access_token": "x", "token_type": "Bearer", "scope": "patient/*.rs", "subject": "cds"},
        "context": {"userId": f"Practitioner/doctor-{record.mark}", "patientId": record.b},
        "prefetch": {"patient": {"resourceType": "Patient", "id": record.b}},
    }  # fmt: skip
    now = int(time.time())
    claims = {"iss": "https://ehr.evil.example", "aud": f"{base}/cds-services/x", "exp": now + 300, "iat": now,
              "jti": secrets.token_hex(16)}  # fmt: skip
    forged = [
        jwt.encode({"alg": alg, "kid": key.kid, "typ": "JWT", "jku": "https://ehr.evil.example/jwks"}, claims, key,
                   algorithms=[alg])
        for alg, key in (("ES384", EC), ("RS384", RSA))
    ]  # fmt: skip
    forged.append(caller.sign(claims | {"sub": "ehr", "aud": base}))
    for path in ("cds-services", "cds-services/patient-view", f"cds-services/patient-view/{record.b}/feedback"):
        for at in (path, f"/{path}", f"/auth/{path}"):
            for method, body in (("GET", None), ("POST", call)):
                for bearer in (record.token(), record.operator):
                    answer = caller.get(at, bearer, method, body)
                    assert answer.status == 404, (method, at, answer.status)
                    assert f"b{record.mark}" not in answer.body.decode()
    for bearer in forged:
        assert caller.get(f"Patient/{record.b}", bearer).status == 401
        assert caller.get("cds-services", bearer).status in (401, 404)


def test_76_a_stranger_is_not_sent_a_token(record: Record, neighbour: Neighbour, mark: str) -> None:
    """Neither a server that keys come from, nor one that is told of changes, gets a token, though it asks for one."""
    caller, url = record.caller, neighbour.url
    neighbour.answer = (401, {"WWW-Authenticate": 'Bearer realm="fhir"'}, b"")
    caller.client(mark, jwks=None, jwks_uri=f"{url}/jwks")
    assert caller.ask(mark).status == 401
    own = caller.token(EVERYTHING, client="teller", subject="teller")
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "x",
        "criteria": f"Observation?identifier=urn:o|told-{mark}",
        "channel": {"type": "rest-hook", "endpoint": f"{url}/hook", "payload": "application/fhir+json"},
    }  # fmt: skip
    made = caller.get("Subscription", own, "POST", subscription)
    assert made.status == 201, made.body
    told = record.observation("a", "told", identifier=[{"system": "urn:o", "value": f"told-{mark}"}])

    def heard() -> bool:
        record.put(told | {"note": [{"text": secrets.token_hex(4)}]})
        time.sleep(0.5)
        return any("/hook" in one for one in neighbour.heard)

    caller.eventually(heard, 20)
    assert caller.get(f"Subscription/{made.json()['id']}", own, "DELETE").status == 204
    assert any("/jwks" in one for one in neighbour.heard)
    for one in neighbour.heard:
        head = one.lower()
        assert "authorization:" not in head
        assert "cookie:" not in head
        assert not [token for token in (own, record.operator) if token in one]


def test_77_a_service_is_held_to_its_scopes(record: Record, mark: str) -> None:
    """Whoever has the key of a service may do by hand what the service may, and nothing beside."""
    caller = record.caller
    registered = "system/Observation.rs?category=laboratory system/RiskAssessment.cr"
    caller.client(mark, registered)
    for wider in (EVERYTHING, "system/*.rs", "system/Patient.rs", "system/Observation.cruds", "user/*.cruds"):
        refused = caller.ask(mark, wider)
        if refused.status == 200:
            for one in refused.json()["scope"].split():
                assert one.startswith(("system/Observation.r", "system/RiskAssessment.r", "system/RiskAssessment.c")), (
                    wider
                )
                assert "Observation" not in one or one.endswith("?category=laboratory"), wider
            assert caller.get(f"Patient/{record.b}", refused.json()["access_token"]).status == 403
        else:
            assert (refused.status, refused.json()["error"]) == (400, "invalid_scope")
    answer = caller.ask(mark, registered)
    assert answer.status == 200
    assert set(answer.json()["scope"].split()) == set(registered.split())
    assert "refresh_token" not in answer.json()
    bearer = answer.json()["access_token"]

    def call(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return caller.get(path, bearer, method, body, **headers)

    assert call("GET", f"Observation/lab-b-{record.mark}").status == 200
    assert call("GET", f"Observation/vital-b-{record.mark}").status == 404
    judged = {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "subject": {"reference": f"Patient/{record.b}"},
    }
    written = call("POST", "RiskAssessment", judged)
    assert written.status == 201, "what it is for"
    lab = record.observation("b", "lab-b")
    subscription = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "x",
        "criteria": "Patient?name=a",
        "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/"},
    }
    for method, path, body in (
        ("GET", f"Patient/{record.b}", None), ("GET", f"Patient/{record.b}/$everything", None),
        ("GET", f"Patient/{record.b}/_history", None), ("GET", "RiskAssessment", None), ("GET", "AuditEvent", None),
        ("GET", "Observation?patient.name=b", None), ("GET", "Observation?_include=Observation:subject:Patient", None),
        ("GET", "Observation?_revinclude=Provenance:target", None), ("GET", "Consent", None),
        ("POST", "Observation", {k: v for k, v in lab.items() if k != "id"}),
        ("PUT", f"Observation/{lab['id']}", lab), ("DELETE", f"Observation/{lab['id']}", None),
        ("DELETE", f"Patient/{record.b}", None), ("POST", "Subscription", subscription),
        ("POST", "$import", {"resourceType": "Parameters"}), ("POST", f"Patient/{record.b}/$expunge", None),
    ):  # fmt: skip
        answer = call(method, path, body)
        assert answer.status in (403, 404, 405), (method, path, answer.status)
        if method != "GET" and body is None:
            continue
        entry = (method, path, body) if body else (method, path)
        whole = caller.get("", bearer, "POST", bundle("batch", entry))
        assert whole.status in (200, 400, 403), whole.body
        if whole.status == 200:
            [one] = whole.json()["entry"]
            assert one["response"]["status"][:3] in ("400", "403", "404", "405"), (method, path)
    narrow = f"Observation?identifier=urn:o|lab-b-{record.mark}"
    assert record.shown(f"{narrow}&_include=*&_revinclude=*", bearer) == {f"Observation/lab-b-{record.mark}"}
    for path in ("$export", "$export?_type=Patient", "Patient/$export", f"Group/group-{record.mark}/$export"):
        assert call("GET", path, **LATER).status == 403, path
    stored = caller.get(f"Observation/{lab['id']}", record.operator)
    assert (stored.status, stored.json()["meta"]["versionId"]) == (200, "1")


def test_77_a_service_is_no_person(record: Record, mark: str) -> None:
    """Its key opens no page, no code flow and no other client's tokens."""
    caller = record.caller
    caller.client(mark, "system/Observation.rs")
    for form in (
        {"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://x.example/",
         "code_verifier": "v" * 43},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "password", "username": "a", "password": "b"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": record.operator},
    ):  # fmt: skip
        refused = caller.post("/token", form | caller.proof(caller.assertion(mark)))
        assert (refused.status, set(refused.json()) - {"error_description"}) == (400, {"error"}), form["grant_type"]
    told = caller.post("/introspect", {"token": record.operator} | caller.proof(caller.assertion(mark)))
    assert (told.status, told.json()) == (200, {"active": False})
    caller.post("/revoke", {"token": record.operator} | caller.proof(caller.assertion(mark)))
    time.sleep(2)
    assert caller.get(f"Patient/{record.a}", record.operator).status == 200
    bearer = caller.ask(mark, "system/Observation.rs").json()["access_token"]
    assert caller.get("/auth/userinfo", bearer).status in (401, 403)
    for path in ("/auth/apps", "/auth/launcher", "/auth/security-key"):
        page = caller.get(path, bearer)
        assert (page.status, "/auth/sign-in" in page.headers["location"]) == (303, True), path


def test_78_logs_and_metrics_tell_nothing(record: Record, mark: str) -> None:
    """Names, values, ids in queries, tokens and secrets: in no line of the log, no error text, no metric."""
    caller = record.caller
    before = caller.hub.log.stat().st_size
    word = f"Zuleica{mark}"
    secret = f"secret-{mark}"
    token = record.token()
    for bearer in (token, record.operator, f"{token}x"):
        for method, path, body in (
            ("GET", f"Patient?name={word}", None), ("GET", f"Patient?nonsense={word}", None),
            ("GET", f"Patient?birthdate={word}", None), ("GET", f"Patient/{word}", None), ("GET", f"{word}/1", None),
            ("POST", "Patient/_search", f"name={word}".encode()),
            ("POST", "Patient", {"resourceType": "Patient", "name": [{"family": word}], "birthDate": word}),
            ("POST", "Patient", f'{{"resourceType": "Patient", "name": {word}'.encode()),
            ("POST", "Observation", record.observation("b", "x", note=[{"text": word}], valueQuantity={"value": word})),
            ("PATCH", f"Patient/{record.a}", [{"op": "test", "path": "/name/0/family", "value": word}]),
        ):  # fmt: skip
            answer = caller.get(path, bearer, method, body)
            if answer.status >= 400 and not path.startswith((word, f"Patient/{word}")):
                assert word not in answer.body.decode(), (method, path)
            assert bearer not in answer.body.decode()
    for form in (
        {"grant_type": "client_credentials", "client_id": mark, "client_secret": secret},
        {"grant_type": "refresh_token", "refresh_token": secret, "client_id": mark},
        {"grant_type": "authorization_code", "code": secret, "client_id": mark, "code_verifier": secret},
        {"token": token, "client_id": mark, "client_secret": secret},
    ):  # fmt: skip
        assert secret not in caller.post("/token", form).body.decode()
    caller.get(f"/auth/authorize?client_id={mark}&state={secret}&login_hint={word}", token)
    caller.eventually(lambda: caller.hub.log.stat().st_size > before)
    time.sleep(1)  # lines are written together, twice a second
    with caller.hub.log.open("rb") as log:
        log.seek(before)
        said = log.read().decode()
    metrics = caller.get("/metrics", token)
    assert metrics.status == 200
    for place in (said, metrics.body.decode()):
        for hidden in (word, secret, token, token.rpartition(".")[2], record.operator, f"b{record.mark}"):
            assert hidden not in place
    assert json.loads(said.splitlines()[0])["message"]
