"""Attacks 1 to 26: an app with a token for patient A wants what is B's."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from tests.attacks.caller import PATCH, bundle, same
from tests.attacks.record import EVERYTHING, LOINC, Record


def test_own_record_is_open(record: Record, token: str) -> None:
    for path in (f"Patient/{record.a}", f"Observation/lab-a-{record.mark}", f"Condition/condition-{record.a}"):
        assert record.caller.get(path, token).status == 200, path
    assert record.shown("Observation", token) == {
        f"Observation/{name}-{record.mark}" for name in ("lab-a", "vital-a", "focus-on-b")
    }
    assert f"Practitioner/doctor-{record.mark}" in record.shown("Practitioner?_count=1000", token)


def test_1_by_id(record: Record, token: str) -> None:
    call = record.caller.get
    for path in record.foreign():
        kind, _, _ = path.partition("/")
        unknown = f"{kind}/unknown-{record.mark}"
        body = {"resourceType": kind, "id": path.partition("/")[2]}
        stored = call(path, record.operator, Accept="application/fhir+json").json()
        patch = [{"op": "add", "path": "/language", "value": "pt"}]
        granted = call(unknown, token).status
        assert granted in (403, 404)
        for method, suffix, sent, headers in (
            ("GET", "", None, {}), ("HEAD", "", None, {}), ("GET", "/_history", None, {}),
            ("GET", "/_history/1", None, {}),
            ("DELETE", "", None, {}), ("PATCH", "", patch, {"Content_Type": PATCH}),
        ):  # fmt: skip
            hidden = call(path + suffix, token, method, sent, **headers)
            absent = call(unknown + suffix, token, method, sent, **headers)
            assert same(hidden, absent), (method, path, hidden.body, absent.body)
            assert hidden.status in ((204, 404, 403) if method == "DELETE" else (404, 403)), (method, path)
        for resource in (stored, body):
            put = call(path, token, "PUT", resource)
            assert put.status in (403, 404, 422, 400), path
        assert call(path, record.operator, "HEAD").headers["etag"] == 'W/"1"', f"{path} is as it was"


def test_2_by_parameter(record: Record, token: str) -> None:
    b = record.b
    for query in (
        f"Observation?patient={b}", f"Observation?subject=Patient/{b}", f"Observation?_id=lab-b-{record.mark}",
        f"Observation?identifier=urn:o|lab-b-{record.mark}", f"Patient?_id={b}", f"Patient?identifier=urn:p|{b}",
        f"Patient?name=b{record.mark}", f"Condition?patient={b}", f"Encounter?subject={b}",
        f"Observation?patient={b}&code=8867-4", f"Observation?subject={record.caller.site.fhir_base}/Patient/{b}",
        f"Provenance?target=Patient/{b}", f"Provenance?patient={b}", f"Consent?patient={b}",
        f"Observation?patient={b}&_sort=-date", f"Observation?code=8867-4&patient={b}&_sort=date",
        f"Patient?family=b{record.mark}&_sort=birthdate", f"Observation?performer=doctor-{record.mark}&patient={b}",
    ):  # fmt: skip
        assert record.shown(query, token) == set(), query
        assert record.caller.get(f"{query}&_summary=count", token).json()["total"] == 0, query
        assert record.caller.get(f"{query}&_total=accurate", token).json()["total"] == 0, query


def test_3_includes(record: Record, token: str) -> None:
    foreign = set(record.foreign())
    for query in (
        "_include=Observation:subject", "_include=Observation:focus", "_include=Observation:focus:Patient",
        "_include=*",
        "_include=Observation:*", "_include:iterate=*", "_include:iterate=Observation:focus&_include:iterate=*",
    ):  # fmt: skip
        found = record.shown(f"Observation?_id=focus-on-b-{record.mark}&{query}", token)
        assert f"Observation/focus-on-b-{record.mark}" in found
        assert not found & foreign, query
    brought = record.shown(f"Observation?_id=lab-a-{record.mark}&_include=Observation:performer", token)
    assert f"Practitioner/doctor-{record.mark}" in brought
    assert record.shown(f"DocumentReference?_id=document-{record.mark}&_include=*", token) & foreign == set()


def test_4_reverse_includes(record: Record, token: str) -> None:
    foreign = set(record.foreign())
    for query in (
        f"Practitioner?_id=doctor-{record.mark}&_revinclude=*",
        f"Practitioner?_id=doctor-{record.mark}&_revinclude=Observation:performer",
        f"Practitioner?_id=doctor-{record.mark}&_revinclude=Observation:performer&_include:iterate=Observation:subject",
        f"Practitioner?_id=doctor-{record.mark}&_revinclude:iterate=*&_include:iterate=*",
        f"Organization?_id=org-{record.mark}&_revinclude=Patient:organization&_revinclude:iterate=*",
        f"Observation?_id=lab-a-{record.mark}&_revinclude=Observation:has-member",
        f"Patient?_id={record.a}&_revinclude=*",
    ):
        found = record.shown(query, token)
        assert found, query
        assert not found & foreign, (query, found & foreign)


def test_5_cursors(record: Record, token: str) -> None:
    def following(path: str, bearer: str) -> str:
        links = record.caller.get(path, bearer).json()["link"]
        return str(next(link["url"] for link in links if link["relation"] == "next"))

    for path in (
        "Observation?_count=1",
        "?_type=Patient,Observation&_count=1",
        "Patient/$everything?_count=1",
    ):
        page = following(path, record.operator)
        answer = record.caller.get(page, token)
        assert answer.status == 400, (path, answer.body)
    own = following("Observation?_count=1", token)
    other = record.token(patient=record.b)
    assert record.caller.get(own, other).status == 400
    assert record.shown(own, token) <= {f"Observation/{n}-{record.mark}" for n in ("lab-a", "vital-a", "focus-on-b")}


def test_6_chains(record: Record, token: str) -> None:
    call = record.caller.get
    narrow = record.token("patient/Observation.rs")
    for query in (
        f"Observation?patient.name=a{record.mark}", f"Observation?subject:Patient.name=a{record.mark}",
        "Observation?_has:Provenance:target:agent=x", "Observation?encounter.status=finished",
        "Observation?_sort=patient.birthdate", "Observation?performer.name=x",
        "Observation?_filter=patient.name eq x".replace(" ", "%20"),
    ):  # fmt: skip
        assert call(query, narrow).status == 403, query
    lab = f"Observation/lab-a-{record.mark}"
    assert lab in record.shown(f"Observation?patient.name=a{record.mark}", token)
    for query in (
        f"Observation?patient.name=b{record.mark}", f"Observation?focus:Patient.name=b{record.mark}",
        f"Practitioner?_has:Observation:performer:patient={record.b}",
        f"Organization?_has:Patient:organization:name=b{record.mark}",
        f"Practitioner?_has:Observation:performer:code={LOINC}|v-{record.mark}&_has:Observation:performer:subject={record.b}",
        f"Observation?_has:Observation:has-member:_id=of-a-member-{record.mark}",
        f"Organization?_has:Patient:organization:_has:Observation:patient:_id=lab-b-{record.mark}",
    ):  # fmt: skip
        assert record.shown(query, token) == set(), query


def test_7_widening(record: Record, token: str) -> None:
    foreign = set(record.foreign())
    for query in (
        "Observation?patient:missing=false", "Observation?patient:missing=true", "Observation?code:not=x",
        f"Observation?subject:identifier=urn:p|{record.b}", f"Observation?patient:not={record.a}",
        "Patient?gender:not=male",
        "Observation?status=final,registered", f"Patient?_id={record.a},{record.b}",
        "Observation?_filter=status%20ne%20x",
        f"Observation?_filter=patient%20re%20Patient/{record.b}%20or%20status%20eq%20final",
        f"Patient?_list=group-{record.mark}",
        "Patient?_text=b", "Patient?_content=b", "Patient?active:missing=true&_sort=-_lastUpdated",
        f"Patient?_filter=not%20(name%20eq%20a{record.mark})",
    ):  # fmt: skip
        answer = record.caller.get(f"{query}&_count=1000", token)
        if answer.status == 200:
            assert not record.shown(f"{query}&_count=1000", token) & foreign, query
            total = record.caller.get(f"{query}&_summary=count", token).json()["total"]
            assert total <= 4, query
        else:
            assert answer.status in (400, 403), query
    assert record.caller.get("Observation?_explain=true", token).status == 403


def test_8_compartments(record: Record, token: str) -> None:
    for path in (f"Patient/{record.b}/*", f"Patient/{record.b}/Observation",
                 f"Encounter/encounter-{record.b}/Observation", f"Device/device-{record.b}/Observation"):  # fmt: skip
        assert record.shown(path, token) == set(), path
    found = record.shown(f"Practitioner/doctor-{record.mark}/Observation", token)
    assert found
    assert not found & set(record.foreign())
    assert f"Observation/lab-a-{record.mark}" in record.shown(f"Patient/{record.a}/*", token)


def test_9_everything(record: Record, token: str) -> None:
    call = record.caller.get
    for path, unknown in (
        (f"Patient/{record.b}/$everything", "Patient/unknown/$everything"),
        (f"Encounter/encounter-{record.b}/$everything", "Encounter/unknown/$everything"),
    ):
        assert same(call(path, token), call(unknown, token)), path
        assert call(path, token).status == 404
    for path in (f"Patient/{record.a}/$everything", "Patient/$everything"):
        found = record.shown(path, token)
        assert f"Observation/lab-a-{record.mark}" in found
        assert not found & set(record.foreign()), path
    narrow = record.token("patient/Patient.rs patient/Observation.rs")
    assert {one.partition("/")[0] for one in record.shown(f"Patient/{record.a}/$everything", narrow)} == {
        "Patient", "Observation"
    }  # fmt: skip
    assert record.shown(f"Observation/$lastn?patient={record.b}", token) == set()
    assert call(f"Observation/lab-b-{record.mark}/$meta", token).status == 404


def test_10_system_search(record: Record, token: str) -> None:
    foreign = set(record.foreign())
    for query in ("?_count=1000", "?_type=Patient,Observation&_count=1000", f"?_id={record.b}",
                  "?_lastUpdated=gt2000&_count=1000",
                  "_history?_count=1000", "Observation/_history?_count=1000",
                  "Patient/_history?_count=1000"):  # fmt: skip
        found = record.shown(query, token)
        assert not found & foreign, query
    narrow = record.token("patient/Observation.rs")
    assert {one.partition("/")[0] for one in record.shown("?_count=1000", narrow)} == {"Observation"}
    assert record.caller.get("?_type=Patient,Observation", narrow).status == 403


def test_11_search_by_post(record: Record, token: str) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    for url, body in (
        ("Observation/_search", f"patient={record.b}"),
        (f"Observation/_search?patient={record.a}", f"patient={record.b}"),
        (f"Observation/_search?patient={record.b}", f"patient={record.a}"),
        ("_search?_type=Patient", f"_id={record.b}"),
    ):
        answer = record.caller.get(url, token, "POST", body.encode(), **form)
        assert answer.status == 200, answer.body
        assert "entry" not in answer.json(), url
    narrow = record.token("patient/Observation.rs")
    assert record.caller.get("_search", narrow, "POST", b"_type=Patient", **form).status == 403
    assert record.caller.get("Patient/_search", narrow, "POST", b"", **form).status == 403


def test_12_bundles(record: Record, token: str) -> None:
    call, b = record.caller.get, record.b
    base = record.caller.site.fhir_base
    reads = [
        ("GET", f"Patient/{b}"), ("GET", f"Observation?patient={b}"), ("GET", f"/Patient/{b}"),
        ("GET", f"//Patient/{b}"),
        ("GET", f"{base}/Patient/{b}"), ("GET", f"Patient/../Patient/{b}"), ("GET", f"Patient%2F{b}"),
        ("GET", f"Patient/{b}/_history"), ("GET", f"Patient/{b}/$everything"), ("GET", "_history"),
        ("GET", f"?_type=Observation&_id=lab-b-{record.mark}"), ("HEAD", f"Patient/{b}"),
        ("DELETE", f"Observation/lab-b-{record.mark}"),
    ]  # fmt: skip
    answer = call("", token, "POST", bundle("batch", *reads))
    assert answer.status == 200
    assert f"b{record.mark}" not in answer.body.decode()
    for (method, url), entry in zip(reads, answer.json()["entry"], strict=True):
        resource = entry.get("resource", {})
        assert resource.get("resourceType") in (None, "OperationOutcome", "Bundle"), (method, url)
        for inner in resource.get("entry", ()):
            assert f"{inner['resource']['resourceType']}/{inner['resource']['id']}" not in record.foreign(), url
    for read in reads[:9]:
        answer = call("", token, "POST", bundle("transaction", read))
        assert f"b{record.mark}" not in answer.body.decode()
    nested = bundle("batch", ("POST", "", bundle("batch", ("GET", f"Patient/{b}"))))
    assert call("", token, "POST", nested).json()["entry"][0]["response"]["status"].startswith(("400", "403"))
    assert call(f"Observation/lab-b-{record.mark}", record.operator).status == 200


def test_13_conditional(record: Record, token: str) -> None:
    call = record.caller.get
    query = f"identifier=urn:o|lab-b-{record.mark}"
    mine = record.observation("a", "new") | {"identifier": [{"system": "urn:o", "value": f"lab-b-{record.mark}"}]}
    del mine["id"]
    deleted = call(f"Observation?{query}", token, "DELETE")
    assert (deleted.status, call(f"Observation/lab-b-{record.mark}", record.operator).status) == (204, 200)
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert call(f"Observation?{query}", token, "PATCH", patch, Content_Type=PATCH).status == 404
    updated = call(f"Observation?{query}", token, "PUT", mine)
    assert updated.status == 404, "a patient's app makes nothing by PUT"
    created = call("Observation", token, "POST", mine, If_None_Exist=query)
    assert created.status == 201, "B's does not count as one that exists"
    assert created.json()["subject"]["reference"] == f"Patient/{record.a}"
    again = call("Observation", token, "POST", mine, If_None_Exist=query)
    assert (again.status, again.json()["id"]) == (200, created.json()["id"])
    reader = record.token("patient/Observation.cr")
    assert call("Observation", reader, "POST", mine, If_None_Exist=query).status == 403
    narrow = record.token("patient/Observation.cruds")
    chained = f"patient.name=a{record.mark}"
    assert call("Observation", narrow, "POST", mine, If_None_Exist=chained).status == 403
    for method in ("PUT", "DELETE"):
        assert call(f"Observation?{chained}", narrow, method, mine if method == "PUT" else None).status == 403


def test_14_conditional_references(record: Record, token: str) -> None:
    call = record.caller.get
    mine = record.observation("a", "new", focus=[{"reference": f"Patient?identifier=urn:p|{record.b}"}])
    del mine["id"]
    hidden = call("", token, "POST", bundle("transaction", ("POST", "Observation", mine)))
    mine["focus"] = [{"reference": "Patient?identifier=urn:p|unknown"}]
    unknown = call("", token, "POST", bundle("transaction", ("POST", "Observation", mine)))
    assert same(hidden, unknown), (hidden.body, unknown.body)
    narrow = record.token("patient/Observation.cruds")
    assert call("", narrow, "POST", bundle("transaction", ("POST", "Observation", mine))).status == 403


def test_15_moving(record: Record, token: str) -> None:
    call = record.caller.get
    theirs = record.observation("b", "moved")
    assert call("Observation", token, "POST", {k: v for k, v in theirs.items() if k != "id"}).status == 403
    mine = record.observation("a", "stays")
    record.put(mine)
    assert (
        call(f"Observation/{mine['id']}", token, "PUT", mine | {"subject": {"reference": f"Patient/{record.b}"}}).status
        == 403
    )
    moved = bundle(
        "transaction", ("PUT", f"Observation/{mine['id']}", mine | {"subject": {"reference": f"Patient/{record.b}"}})
    )
    assert call("", token, "POST", moved).status == 403
    made = bundle("transaction", ("POST", "Observation", {k: v for k, v in theirs.items() if k != "id"}))
    assert call("", token, "POST", made).status == 403
    taken = record.observation("b", "lab-b") | {"subject": {"reference": f"Patient/{record.a}"}}
    assert call(f"Observation/{taken['id']}", token, "PUT", taken).status == 404
    assert call("", token, "POST", bundle("transaction", ("PUT", f"Observation/{taken['id']}", taken))).status == 404
    assert call(f"Observation/lab-b-{record.mark}", record.operator).json()["subject"]["reference"].endswith(record.b)
    assert call(f"Observation/stays-{record.mark}", record.operator).json()["meta"]["versionId"] == "1"
    good = call("Observation", token, "POST", {k: v for k, v in record.observation("a", "own").items() if k != "id"})
    assert good.status == 201, good.body
    changed = call(f"Observation/{mine['id']}", token, "PUT", mine | {"status": "amended"})
    assert (changed.status, changed.json()["status"]) == (200, "amended")
    assert call(f"Observation/{mine['id']}", token, "DELETE").status == 204


def test_16_versions_before_a_move(record: Record, token: str) -> None:
    call = record.caller.get
    one = record.observation("a", "once-a")
    record.put(one)
    record.put(one | {"note": [{"text": "still A's"}]})
    record.put(one | {"subject": {"reference": f"Patient/{record.b}"}})
    record.put(one | {"subject": {"reference": f"Patient/{record.b}"}, "note": [{"text": "B's"}]})
    path = f"Observation/{one['id']}"
    other = record.token(patient=record.b)
    assert [call(f"{path}/_history/{n}", token).status for n in (1, 2, 3, 4)] == [404] * 4
    assert [call(f"{path}/_history/{n}", other).status for n in (1, 2, 3, 4)] == [404, 404, 200, 200]
    assert len(call(f"{path}/_history", other).json()["entry"]) == 2
    assert call(f"{path}/_history", token).status == 404
    assert f"Observation/{one['id']}" not in record.shown("Observation/_history?_count=1000", token)
    record.caller.get(path, record.operator, "DELETE")
    for bearer in (token, other):
        assert call(path, bearer).status == 404
    record.put(one)  # restored as A's
    assert [call(f"{path}/_history/{n}", token).status for n in (1, 2, 3, 4, 5, 6)] == [404] * 5 + [200]


def test_17_put_of_a_new_id(record: Record, token: str) -> None:
    new = record.observation("a", "by-put")
    assert record.caller.get(f"Observation/{new['id']}", token, "PUT", new).status == 404
    put = ("PUT", f"Observation/{new['id']}", new)
    assert record.caller.get("", token, "POST", bundle("transaction", put)).status == 404
    [entry] = record.caller.get("", token, "POST", bundle("batch", put)).json()["entry"]
    assert entry["response"]["status"].startswith("404")
    assert record.caller.get(f"Observation/{new['id']}", record.operator).status == 404


def test_18_patching_what_it_is(record: Record, token: str) -> None:
    mine = record.observation("a", "patched")
    record.put(mine)
    for path, value in (
        ("/id", f"lab-b-{record.mark}"), ("/subject/reference", f"Patient/{record.b}"), ("/meta/versionId", "99"),
        ("/resourceType", "Patient"), ("/subject", {"reference": f"Patient/{record.b}"}),
    ):  # fmt: skip
        patch = [{"op": "replace", "path": path, "value": value}]
        answer = record.caller.get(f"Observation/{mine['id']}", token, "PATCH", patch, Content_Type=PATCH)
        now = record.caller.get(f"Observation/{mine['id']}", record.operator).json()
        assert (now["id"], now["subject"]["reference"]) == (mine["id"], f"Patient/{record.a}"), path
        assert answer.status in (200, 400, 403, 422), path
        assert int(now["meta"]["versionId"]) < 9
    gone = [{"op": "remove", "path": "/subject"}]
    assert record.caller.get(f"Observation/{mine['id']}", token, "PATCH", gone, Content_Type=PATCH).status == 403


def test_20_binaries(record: Record, token: str) -> None:
    for id in (f"binary-{record.b}", f"binary-{record.a}"):
        assert record.caller.get(f"Binary/{id}", token, Range="bytes=0-4").status == 403
    loose = {"resourceType": "Binary", "id": f"loose-{record.mark}", "contentType": "text/plain", "data": "eA=="}
    record.put(loose)
    unknown = record.caller.get(f"Binary/unknown-{record.mark}", token)
    for bearer in (token, record.token("patient/Binary.cruds")):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = record.caller.get(f"Binary/{loose['id']}", bearer, method, loose if method == "PUT" else None)
            assert answer.status == 403, method
            assert method != "GET" or same(answer, unknown)
    assert record.shown(f"DocumentReference?_id=document-{record.mark}&_include=*", token) == {
        f"DocumentReference/document-{record.mark}", f"Patient/{record.a}"
    }  # fmt: skip


def test_21_own_document_about_b_s_binary(record: Record, token: str) -> None:
    """Whoever writes a reference gets no right to what it refers to."""
    call, binary = record.caller.get, f"Binary/binary-{record.b}"
    secret = call(binary, record.operator, Accept="text/plain").body
    assert secret == b"binary of b"
    base = record.caller.site.fhir_base
    for number, url in enumerate((binary, f"{base}/{binary}", f"{binary}/_history/1", f"/fhir/{binary}")):
        document = {
            "resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"url": url}}],
            "subject": {"reference": f"Patient/{record.a}"}, "identifier": [{"value": f"own-{number}-{record.mark}"}],
            "context": {"related": [{"reference": f"Patient/{record.a}"}]},
        }  # fmt: skip
        made = call("DocumentReference", token, "POST", document)
        assert made.status == 201, "its own document is its own affair"
        for path in (binary, f"{binary}/_history/1", f"{binary}/_history", f"Binary?_id=binary-{record.b}"):
            for accept in ("text/plain", "application/fhir+json", "*/*"):
                answer = call(path, token, Accept=accept)
                assert answer.status in ((403, 406) if accept == "text/plain" else (403,)), (path, accept)
                assert same(answer, call(path.replace("binary-b", "unknown"), token, Accept=accept)), path
        for query in (
            f"DocumentReference?patient={record.a}&_include=*",
            f"DocumentReference?patient={record.a}&_include:iterate=*", f"Patient/{record.a}/$everything",
            f"Patient/{record.a}/*", f"Patient?_id={record.a}&_revinclude=*",
        ):  # fmt: skip
            answer = call(f"{query}{'&' if '?' in query else '?'}_count=1000", token)
            assert answer.status in (200, 403), (query, answer.body)
            assert base64.b64encode(secret) not in answer.body, query
            assert b'"resourceType":"Binary"' not in answer.body.replace(b" ", b""), query
        [whole] = call("", token, "POST", bundle("batch", ("GET", binary))).json()["entry"]
        assert whole["response"]["status"].startswith("403")
        assert call(f"DocumentReference/{made.json()['id']}", token, "DELETE").status == 204


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


def test_25_subscriptions(record: Record, token: str) -> None:
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "x",
        "criteria": f"Observation?patient={record.b}",
        "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/", "payload": "application/fhir+json"},
    }  # fmt: skip
    for bearer in (
        token,
        record.caller.token("system/Subscription.cruds"),
        record.caller.token("system/Observation.rs system/Subscription.cruds"),
    ):
        assert record.caller.get("Subscription", bearer, "POST", subscription).status == 403
        made = record.caller.get("", bearer, "POST", bundle("transaction", ("POST", "Subscription", subscription)))
        assert made.status == 403


def test_26_exports(record: Record, token: str) -> None:
    call = record.caller.get
    later = {"Prefer": "respond-async"}
    own = record.token("user/*.cruds")
    for path in ("$export", "Patient/$export", f"Group/group-{record.mark}/$export"):
        for bearer in (token, own):
            assert call(path, bearer, **later).status == 403, path
    observations = record.caller.token("system/Observation.rs", client="one")
    assert call("$export?_type=Patient", observations, **later).status == 403
    assert call("$export?_type=Observation,Patient", observations, **later).status == 403
    assert call(f"Group/group-{record.mark}/$export?_type=Observation", observations, **later).status == 403
    limited = record.caller.token("system/Observation.rs?category=laboratory", client="one")
    assert call("$export?_type=Observation", limited, **later).status == 403
    started = call("$export", observations, **later)
    assert started.status == 202, started.body
    job = started.headers["content-location"]
    stranger = record.caller.token(EVERYTHING, client="two")
    unknown = call("_jobs/" + "0" * 32, stranger)
    for method in ("GET", "DELETE"):
        assert call(job, stranger, method).status == 404
        assert same(call(job, stranger), unknown)
    while (status := call(job, observations)).status in (202, 429):
        time.sleep(int(status.headers["retry-after"]))
    assert status.status == 200, status.body
    files = status.json()["output"]
    assert {one["type"] for one in files} == {"Observation"}
    assert status.json()["requiresAccessToken"] is True
    assert call(files[0]["url"], stranger).status == 404
    assert record.caller.hub.client.request("GET", files[0]["url"]).status == 401
    assert call(files[0]["url"], observations).status == 200
    same_subject = record.caller.token("system/Observation.rs", client="two", subject="one")
    assert call(job, same_subject).status == 404, "a job is its client's"
    assert call("$import", record.caller.token("system/*.rs"), "POST", {"resourceType": "Parameters"}).status == 403
