"""Attacks 20 and 21: files of patients, by themselves and where a document of A points at B's."""

from __future__ import annotations

import base64

from tests.attacks.caller import bundle, same
from tests.attacks.record import Record


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
