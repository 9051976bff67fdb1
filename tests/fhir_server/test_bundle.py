from __future__ import annotations

from typing import Any

import pytest

from fhir_server.bundle import Entry, history_bundle, searchset
from fhir_server.outcome import Issue
from fhir_server.version import Version
from mappings.r4 import parse

BASE = "http://fhir.example.org/fhir"


def test_a_searchset_holds_the_stored_bytes() -> None:
    body = b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.10}}'
    raw = searchset(BASE, [Entry("Observation", "1", body, "match")], {"self": f"{BASE}/Observation"}, total=1)
    assert body in raw
    bundle = parse(raw)
    assert bundle["type"] == "searchset"
    assert bundle["total"] == 1
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/Observation"}]
    [entry] = bundle["entry"]
    assert entry["fullUrl"] == f"{BASE}/Observation/1"
    assert entry["search"] == {"mode": "match"}
    assert bundle["id"]
    assert bundle["meta"]["lastUpdated"].endswith("Z")


def test_an_empty_searchset_has_no_entry_and_no_total() -> None:
    bundle = parse(searchset(BASE, [], {"self": BASE}))
    assert "entry" not in bundle
    assert "total" not in bundle


def test_warnings_are_an_outcome_entry() -> None:
    warning = Issue("not-supported", "ignored", severity="warning")
    [entry] = parse(searchset(BASE, [], {"self": BASE}, issues=[warning]))["entry"]
    assert entry["search"] == {"mode": "outcome"}
    assert entry["resource"]["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("method", "number", "body", "request_url", "status"),
    [
        ("POST", 1, b'{"resourceType":"Patient"}', "Patient", "201 Created"),
        ("PUT", 1, b'{"resourceType":"Patient"}', "Patient/a", "201 Created"),
        ("PUT", 2, b'{"resourceType":"Patient"}', "Patient/a", "200 OK"),
        ("PATCH", 3, b'{"resourceType":"Patient"}', "Patient/a", "200 OK"),
        ("DELETE", 4, None, "Patient/a", "204 No Content"),
    ],
)
def test_a_history_entry_says_how_the_version_came_about(
    method: str, number: int, body: bytes | None, request_url: str, status: str
) -> None:
    version = Version("Patient", "a", 1, number, 1_000_000, method, body)
    bundle = parse(history_bundle(BASE, [version], {"self": f"{BASE}/_history"}))
    [entry] = bundle["entry"]
    assert bundle["type"] == "history"
    assert entry["fullUrl"] == f"{BASE}/Patient/a"
    assert entry["request"] == {"method": method, "url": request_url}
    expected: dict[str, Any] = {"status": status, "etag": f'W/"{number}"', "lastModified": "1970-01-01T00:00:01.000Z"}
    assert entry["response"] == expected
    assert ("resource" in entry) == (body is not None)
