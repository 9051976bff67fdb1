"""Attacks 22 to 24: what is about B, what several patients share, and what is in nobody's record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle, same
from tests.attacks.record import Record


def test_22_about_b(record: Record, token: str) -> None:
    call = record.caller.get
    for path in (f"Provenance/provenance-{record.b}", f"Consent/consent-{record.b}", f"AuditEvent/audit-{record.mark}"):
        assert call(path, token).status in (403, 404), path
    audit = {"resourceType": "AuditEvent", "type": {"code": "rest"}, "recorded": "2024-01-01T00:00:00Z",
             "agent": [{"requestor": True, "who": {"reference": f"Patient/{record.a}"}}],
             "source": {"observer": {"reference": f"Patient/{record.a}"}}}  # fmt: skip
    assert call("AuditEvent", token, "POST", audit).status == 403
    consent = call(f"Consent/consent-{record.b}", record.operator).json()
    assert call("Consent", token, "POST", {k: v for k, v in consent.items() if k not in ("id", "meta")}).status == 403


def test_23_what_is_shared(record: Record, token: str) -> None:
    assert record.caller.get(f"Group/group-{record.mark}", token).status in (403, 404)
    appointment = {
        "resourceType": "Appointment", "id": f"appointment-{record.mark}", "status": "proposed",
        "participant": [{"actor": {"reference": f"Patient/{id}"}, "status": "accepted"} for id in (record.a, record.b)],
    }  # fmt: skip
    record.put(appointment)
    found = record.shown(f"Appointment?_id=appointment-{record.mark}&_include=Appointment:actor", token)
    assert found == {f"Appointment/appointment-{record.mark}", f"Patient/{record.a}"}
    both = [{"item": {"reference": f"Patient/{id}"}} for id in (record.a, record.b)]
    listed = {"resourceType": "List", "status": "current", "mode": "working", "entry": both}
    record.put(listed | {"id": f"own-list-{record.mark}", "subject": {"reference": f"Patient/{record.a}"}})
    record.put(listed | {"id": f"their-list-{record.mark}", "subject": {"reference": f"Patient/{record.b}"}})
    record.put(listed | {"id": f"nobody-s-list-{record.mark}"})
    assert record.shown("List?_include=*&_count=1000", token) == {f"List/own-list-{record.mark}", f"Patient/{record.a}"}
    for name in ("their-list", "nobody-s-list"):
        assert record.caller.get(f"List/{name}-{record.mark}", token).status == 404, name
    for name in ("own-list", "their-list", "nobody-s-list"):
        assert record.shown(f"Patient?_list={name}-{record.mark}", token) <= {f"Patient/{record.a}"}, name
    org = {"resourceType": "Organization", "name": "x"}
    assert record.caller.get("Organization", token, "POST", org).status == 403, "what is shared is read, not changed"
    assert record.caller.get(f"Organization/org-{record.mark}", token, "DELETE").status == 403


@pytest.mark.parametrize("kind", ["Device", "Task", "Subscription"])
def test_24_device_task_subscription_of_b(record: Record, token: str, kind: str) -> None:
    """They are in no patient's record: with a patient's token B's are as those that never were, A's too."""
    call, b = record.caller.get, {"reference": f"Patient/{record.b}"}
    stored: dict[str, dict[str, Any]] = {
        "Device": {"patient": b},
        "Task": {"status": "draft", "intent": "order", "for": b},
        "Subscription": {
            "status": "off", "reason": "x", "criteria": f"Observation?patient={record.b}",
            "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/"},
        },
    }  # fmt: skip
    body = {"resourceType": kind, "id": f"{kind.lower()}-{record.b}"} | stored[kind]
    path = f"{kind}/{body['id']}"
    record.put(body)
    unknown = f"{kind}/unknown-{record.mark}"
    tokens = (token, record.token(f"patient/{kind}.cruds"), record.token("patient/*.rs patient/*.cud"))
    patch = [{"op": "add", "path": "/language", "value": "pt"}]
    for bearer in tokens:
        for method, suffix, sent in (
            ("GET", "", None), ("HEAD", "", None), ("GET", "/_history", None), ("GET", "/_history/1", None),
            ("PUT", "", body), ("PATCH", "", patch), ("DELETE", "", None),
        ):  # fmt: skip
            more = {"Content_Type": PATCH} if method == "PATCH" else {}
            hidden = call(path + suffix, bearer, method, sent, **more)
            sent = body | {"id": unknown.partition("/")[2]} if method == "PUT" else sent
            assert hidden.status in (403, 404), (method, suffix, hidden.body)
            assert same(hidden, call(unknown + suffix, bearer, method, sent, **more)), (method, suffix)
        for query in (f"{kind}?_id={body['id']}", f"{kind}?_id={body['id']}&_summary=count", f"{kind}/_history"):
            answer = call(query, bearer)
            assert answer.status == 403 or not answer.json().get("total", 0), query
            assert record.b.encode() not in answer.body, query
        assert call(kind, bearer, "POST", {k: v for k, v in body.items() if k != "id"}).status == 403
        assert call("", bearer, "POST", bundle("transaction", ("GET", path))).status in (403, 404)
        [entry] = call("", bearer, "POST", bundle("batch", ("GET", path))).json()["entry"]
        assert entry["response"]["status"].startswith(("403", "404"))
    for bearer in tokens[::2]:
        for query in (f"Patient/{record.a}/$everything?_count=1000", f"Patient?_id={record.a}&_revinclude=*"):
            answer = call(query, bearer)
            assert answer.status in (200, 403), query
            assert f"{kind.lower()}-{record.b}" not in answer.body.decode(), query
    assert call(path, record.operator).json()["meta"]["versionId"] == call(path, record.operator).headers["etag"][3:-1]
    assert call(f"{path}/_history", record.operator).json()["entry"][0]["request"]["method"] == "PUT"
