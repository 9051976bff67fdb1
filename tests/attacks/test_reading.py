"""Attacks 1 to 12 and 16: an app with a token for patient A wants to read what is B's."""

from __future__ import annotations

from tests.attacks.caller import PATCH, bundle, same
from tests.attacks.record import LOINC, Record


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
