"""Attacks 67 to 69: bodies, values and queries meant to break, mislead or exhaust the hub, sent with a token."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

from tests.attacks.caller import FORM, PATCH
from tests.attacks.record import Record
from tests.hub_process import Answer

SECRET = "not-to-be-repeated"
BODY_LIMIT = 16 * 1024 * 1024


@pytest.fixture(autouse=True)
def _stands(record: Record, token: str) -> Iterator[None]:
    """After each attack both patients' records are there as before, and no request of it ended in a fault."""
    before = record.caller.hub.log.stat().st_size
    yield
    for id in (record.a, record.b):
        answer = record.caller.get(f"Patient/{id}", record.operator)
        assert (answer.status, answer.json()["meta"]["versionId"]) == (200, "1")
    with record.caller.hub.log.open("rb") as log:
        log.seek(before)
        said = log.read().decode()
    assert '"level":"error"' not in said.replace(" ", "")
    assert SECRET not in said


def told(answer: Answer, *statuses: int) -> str:
    """The reason of a refusal that is an OperationOutcome and repeats nothing it was sent."""
    assert answer.status in statuses, (answer.status, answer.body[:500])
    assert SECRET not in answer.body.decode()
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    issue = outcome["issue"][0]
    assert issue["severity"] in ("error", "fatal")
    return str(issue.get("diagnostics") or issue["details"]["text"])


def observation(record: Record, members: bytes) -> bytes:
    """An Observation of A with these members as well, as they are written."""
    body = {key: value for key, value in record.observation("a", "raw").items() if key != "id"}
    return json.dumps(body).encode()[:-1] + b", " + members + b"}"


XXE = '<!DOCTYPE div [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = "<!DOCTYPE div [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(12)
) + "]>"  # fmt: skip


@pytest.mark.parametrize("head", [XXE, LAUGHS, '<?xml-stylesheet href="file:///etc/passwd"?>'])
def test_67_xml(record: Record, token: str, head: str) -> None:
    """Entities are resolved neither in a body, nor in the one place where JSON holds XML."""
    entity = "&a12;" if head is LAUGHS else "&x;"
    xml = f'{head}<Patient xmlns="http://hl7.org/fhir"><id value="{entity}"/></Patient>'.encode()
    for kind in ("application/fhir+xml", "application/xml", "text/xml"):
        told(record.caller.get("Patient", token, "POST", xml, Content_Type=kind), 415)
    assert "JSON" in told(record.caller.get("Observation", token, "POST", xml), 400)
    for div in (
        f'{head}<div xmlns="http://www.w3.org/1999/xhtml">{entity}</div>',
        f'<div xmlns="http://www.w3.org/1999/xhtml">{head}{entity}</div>',
    ):
        text = json.dumps({"status": "generated", "div": div}).encode()
        refused = record.caller.get("Observation", token, "POST", observation(record, b'"text": ' + text))
        assert told(refused, 422).startswith("div must")
        assert b"root:" not in refused.body


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (b'"extension": ' + b"[" * 200_000, "deep"),
        (b'"note": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deep"),
        (b'"extension": ' + b'[{"url":"u","extension":' * 40 + b"[]" + b"}]" * 40, "deep"),
        (b'"subject": {"reference": "Patient/not-to-be-repeated"}', "duplicate"),
        (b'"note": [{"text": "1", "te\\u0078t": "not-to-be-repeated"}]', "duplicate"),
        (b'"valueQuantity": {"value": 1e999}', "value"),
        (b'"valueQuantity": {"value": 1e-999999999}', "value"),
        (b'"valueQuantity": {"value": ' + b"9" * 400_000 + b"}", "value"),
        (b'"valueInteger": 1e999', "value"),
        (b'"valueQuantity": {"value": NaN}', "JSON"),
        (b'"valueQuantity": {"value": -Infinity}', "JSON"),
        (b'"note": [{"text": "\\ud800 not-to-be-repeated"}]', "surrogate"),
        (b'"note": [{"text": "\\udc00\\ud800"}]', "surrogate"),
        (b'"\\ud800": 1', "surrogate"),
        (b'"note": [{"text": "\\u0000"}]', "control"),
        (b'"note": [{"text": "\xff\xfe"}]', "UTF-8"),
        (b'"note": [{"text": "\xed\xa0\x80"}]', "UTF-8"),
        (b'"note": [{"text": "\xc0\xaf"}]', "UTF-8"),
        (b'"__proto__": {"status": "not-to-be-repeated"}', "not an element"),
    ],
)
def test_67_json(record: Record, token: str, members: bytes, reason: str) -> None:
    """Refused by itself and in a transaction, and nothing of it is stored."""
    body = observation(record, members)
    assert reason in told(record.caller.get("Observation", token, "POST", body), 400, 422)
    entry = b'{"request": {"method": "POST", "url": "Observation"}, "resource": ' + body + b"}"
    whole = b'{"resourceType": "Bundle", "type": "transaction", "entry": [' + entry + b"]}"
    told(record.caller.get("", token, "POST", whole), 400, 422)
    form = {"Content_Type": PATCH}
    patch = b'[{"op": "add", "path": "/note", "value": [{' + members + b"}]}]"
    told(record.caller.get(f"Observation/lab-a-{record.mark}", token, "PATCH", patch, **form), 400, 422)
    assert record.shown(f"Observation?identifier=urn:o|raw-{record.mark}", record.operator) == set()


def test_67_packed(record: Record, token: str) -> None:
    """200 MB in 200 kB, also packed twice, is unpacked no further than a body may be long."""
    packed = gzip.compress(b" " * 200_000_000, 9, mtime=0)
    for path in ("Observation", ""):
        told(record.caller.get(path, token, "POST", packed, Content_Encoding="gzip"), 413)
    told(record.caller.get("Observation", token, "POST", gzip.compress(packed, mtime=0), Content_Encoding="gzip"), 400)
    for coding in ("gzip, gzip", "br", "deflate", "compress", "zstd"):
        told(record.caller.get("Observation", token, "POST", packed, Content_Encoding=coding), 415)
    answer = record.caller.post("/token", packed, {"Content-Encoding": "gzip"})
    assert answer.status in (400, 401, 413, 415)


@pytest.mark.parametrize("bearer", ["a token", "none"])
@pytest.mark.parametrize(
    ("target", "kind"),
    [("/fhir/Observation", "application/fhir+json"), ("/fhir/Observation", "text/plain"),
     ("/fhir/metadata", "text/plain"), ("/auth/token", FORM["Content-Type"]),
     ("/auth/sign-in", FORM["Content-Type"]), ("/", "text/plain")],
)  # fmt: skip
def test_67_endless_chunks(record: Record, token: str, target: str, kind: str, bearer: str) -> None:
    """A body without an end is cut off, not gathered, also where it was answered before it was read."""
    authorization = f"Authorization: Bearer {token}\r\n" if bearer == "a token" else ""
    head = (
        f"POST {target} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: {kind}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", record.caller.hub.port), timeout=10) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 8 * BODY_LIMIT:
                connection.sendall(chunk)
                sent += 65536
        except OSError:
            pass  # cut off, which is what is looked for
        else:
            pytest.fail("the hub took it all")
    assert sent < 3 * BODY_LIMIT  # what is on the way in the kernel's buffers counts too


QUOTES = (
    "'; drop table resource; --",
    "' or '1'='1",
    "1) or 1=1 --",
    "x' union select body from resource --",
    "$$; select pg_sleep(20); $$",
    "%' or true --",
    '"; select pg_sleep(20); --',
    "\\'; select pg_sleep(20); --",
    "%(x)s %s $1 {x} {0}",
    "\x00",
)
TYPED = {
    "token": ("Observation?code={}", "Observation?code={}|{}", "Observation?code:not={}", "Observation?identifier={}",
              "Observation?_id={}", "Observation?_tag={}", "Observation?identifier:of-type={}|{}|{}",
              "Observation?code:text={}", "Observation?code:in={}"),
    "string": ("Patient?name={}", "Patient?name:exact={}", "Patient?name:contains={}", "Patient?address-city={}"),
    "date": ("Patient?birthdate={}", "Observation?date=ge{}", "Observation?_lastUpdated={}"),
    "number": ("RiskAssessment?probability={}", "RiskAssessment?probability=gt{}"),
    "quantity": ("Observation?value-quantity={}", "Observation?value-quantity=5|{}|{}"),
    "uri": ("ValueSet?url={}", "ValueSet?url:below={}", "Observation?_profile={}"),
    "reference": ("Observation?subject={}", "Observation?subject=Patient/{}", "Observation?subject:Patient={}",
                  "Observation?subject:identifier={}|{}", "Observation?patient.name={}",
                  "Patient?_has:Observation:patient:code={}"),
    "composite": ("Observation?code-value-quantity={}${}", "Observation?code-value-concept={}${}"),
    "special": ("Location?near={}|{}|{}|km", "Observation?_list={}", "Observation?_filter={}",
                'Observation?_filter=code eq "{}"', "Observation?_text={}", "Observation?_content={}"),
    "result": ("Observation?_sort={}", "Observation?_sort=-{}", "Observation?_elements={}", "Observation?_count={}",
               "Observation?_include={}", "Observation?_include=Observation:{}:{}", "Observation?_revinclude={}:{}",
               "Observation?_summary={}", "Observation?_total={}", "Observation?_cursor={}", "Observation?_format={}",
               "?_type={}", "Observation/_history?_since={}", "Observation/_history?_at={}"),
    "name": ("Observation?{}=1", "Observation?code:{}=1", "Observation?subject:{}.name=1", "Observation?patient.{}=1",
             "Patient?_has:{}:{}:{}=1"),
}  # fmt: skip


@pytest.fixture
def tables(guarded_database: str) -> Iterator[None]:
    """As many tables after as before, and nobody sleeps in the database."""
    with psycopg.connect(guarded_database, autocommit=True) as connection:
        count = "select count(*), sum(relnatts) from pg_class where relkind in ('r', 'p') and relpersistence = 'p'"
        before = connection.execute(count).fetchone()
        yield
        assert connection.execute(count).fetchone() == before
        sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        assert connection.execute(sleeping).fetchone() == (0,)


def shows_b(answer: Answer, record: Record) -> bool:
    """Whether anything that is not A's is in it, but for what was asked."""
    entries = answer.json().get("entry", ()) if answer.status == 200 else ()
    foreign = set(record.foreign())
    return any(f"{one['resource']['resourceType']}/{one['resource']['id']}" in foreign for one in entries)


@pytest.mark.parametrize("kind", TYPED)
def test_68_sql_in_parameters(record: Record, token: str, tables: None, kind: str) -> None:
    """By GET and by POST: found is what is A's, or it is refused; it is never part of a statement."""
    counted: dict[int, int] = {}
    for template in TYPED[kind]:
        path, _, query = template.partition("?")
        for hostile in QUOTES:
            name, _, value = (one.replace("{}", hostile) for one in query.partition("="))
            answer = record.caller.get(f"{path}?{quote(name, safe='')}={quote(value, safe='')}", token)
            assert answer.status in (200, 400, 403, 406), (template, hostile, answer.body)
            assert not shows_b(answer, record), (template, hostile)
            counted[answer.status] = counted.get(answer.status, 0) + 1
            if path and "/" not in path:
                form = {"Content_Type": FORM["Content-Type"]}
                body = urlencode({name: value}).encode()
                posted = record.caller.get(f"{path}/_search", token, "POST", body, **form)
                assert posted.status == answer.status, (template, hostile, posted.body)
                assert not shows_b(posted, record), (template, hostile)
    assert sum(counted.values()) == len(QUOTES) * len(TYPED[kind])


def test_68_sql_in_paths_and_bodies(record: Record, token: str, tables: None) -> None:
    call = record.caller.get
    for hostile in QUOTES:
        part = quote(hostile, safe="")
        for path in (
            part, f"{part}/1", f"Patient/{part}", f"Patient/{record.a}/{part}", f"Patient/{record.a}/_history/{part}",
            f"Observation/${part}", f"_jobs/{part}", f"Patient/{record.a}/$everything?_type={part}",
            f"Patient/{record.a}/$everything?start={part}",
        ):  # fmt: skip
            answer = call(path, token)
            assert answer.status in (400, 403, 404, 405), (path, answer.status)
            assert not shows_b(answer, record)
        key = json.dumps(hostile)
        told(call("Observation", token, "POST", observation(record, f"{key}: 1".encode())), 400, 422)
        told(call("Observation", token, "POST", observation(record, f'"id": {key}'.encode())), 400, 422)
        for members in (
            {"op": "replace", "path": f"/{hostile}", "value": 1}, {"op": hostile, "path": "/status", "value": "x"},
            {"op": "add", "path": "/note/0", "value": {hostile: 1}},
        ):  # fmt: skip
            patched = call(f"Observation/lab-a-{record.mark}", token, "PATCH", [members], Content_Type=PATCH)
            told(patched, 400, 422)
        for name in ("If_None_Exist", "If_Match", "If_None_Match", "If_Modified_Since", "Prefer", "Accept"):
            if "\x00" in hostile:
                continue  # no client can send it
            made = call("Observation", token, "POST", observation(record, b'"language": "pt"'), **{name: hostile})
            assert made.status in (201, 400, 406, 412), (name, hostile, made.body)
            if made.status == 201:
                assert call(f"Observation/{made.json()['id']}", token, "DELETE").status == 204
            else:
                told(made, made.status)
    stays = call(f"Observation/lab-a-{record.mark}", token).json()
    assert stays["meta"]["versionId"] == "1"
    said = [{"text": hostile} for hostile in QUOTES if "\x00" not in hostile]
    kept = call("Observation", token, "POST", observation(record, b'"note": ' + json.dumps(said).encode()))
    assert (kept.status, kept.json()["note"]) == (201, said), "as text it is text"
    assert call(f"Observation/{kept.json()['id']}", token, "DELETE").status == 204


def test_69_many_and_deep(record: Record, token: str) -> None:
    """Pages, lists, chains and includes beyond any need get at most the largest page, or are refused by their rule."""
    call = record.caller.get
    form = {"Content_Type": FORM["Content-Type"]}

    def search(query: dict[str, Any] | list[tuple[str, Any]], kind: str = "Observation") -> Answer:
        return call(f"{kind}/_search", token, "POST", urlencode(query).encode(), **form)

    own = {f"Observation/{name}-{record.mark}" for name in ("lab-a", "vital-a", "focus-on-b")}
    for count in (10**9, 10**18, 10**40):
        huge = call(f"Observation?_count={count}", token)
        assert huge.status in (200, 400), huge.body
        if huge.status == 200:
            assert {f"Observation/{one['resource']['id']}" for one in huge.json()["entry"]} == own
    told(call("Observation?_count=-1", token), 400)

    many = [f"urn:o|{n}" for n in range(9_999)]
    found = search({"identifier": ",".join([*many, f"urn:o|lab-a-{record.mark}"])})
    assert (found.status, len(found.json()["entry"])) == (200, 1)
    told(search({"identifier": ",".join([*many, "a", "b"])}), 400)
    told(call("Observation?identifier=" + ",".join(many)[:40_000], token), 414)
    assert call("Observation?identifier=" + ",".join(many), token).status in (400, 414, 431)
    told(search([("code", "1")] * 101), 400)
    told(search({"_include": "Observation:subject"} | {f"_include:{n}": "x" for n in range(200)}), 400)
    told(search([("_include", "*")] * 21), 400)
    told(search({"_sort": "_id,_lastUpdated,date,code,status,identifier,category,subject,performer"}), 400)

    told(call("Observation?" + "subject:Patient.organization." + "partof." * 20 + "name=x", token), 400)
    told(call("Patient?" + "_has:Observation:patient:" * 20 + "code=x", token), 400)
    told(search({"_filter": "(" * 500 + "code eq 1" + ")" * 500}), 400)
    told(search({"_filter": "not (" * 5000 + "code eq 1" + ")" * 5000}), 400)
    told(search({"_filter": " or ".join(["code eq 1"] * 5000)}), 400)
    told(call("Patient?name=" + "a" * 40_000, token), 414)


@pytest.mark.parametrize(
    "pattern",
    ["%" * 400, "_" * 400, "%_" * 200, "a" * 499 + "%", "(a+)+$", "(" * 400, "\\" * 399, "[[:alpha:]]{1,99999}",
     "*" * 400, "\u0301" * 400, "ﷺ" * 400, "\u202e" * 100],
)  # fmt: skip
def test_69_patterns(record: Record, token: str, pattern: str) -> None:
    """Characters that are signs of a pattern elsewhere stand for themselves, and find nothing here."""
    for name in ("name:contains", "name", "name:exact", "address:contains", "family:contains"):
        answer = record.caller.get(f"Patient?{name}={quote(pattern)}", token)
        assert answer.status in (200, 400), (name, answer.body[:300])
        if answer.status == 200:
            assert "entry" not in answer.json(), name
    for query in (f"Observation?code:text={quote(pattern)}", f"ValueSet?url:below={quote(pattern)}"):
        answer = record.caller.get(query, token)
        assert answer.status in (200, 400), query
        if answer.status == 200:
            assert "entry" not in answer.json(), query
