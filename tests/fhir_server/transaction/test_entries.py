"""Entries: what they mean, their turn, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.outcome import FhirError
from fhir_server.transaction.entries import Turn, by_turn, nested, parse_entry, place

BASE = "http://hub.example/fhir"
PATIENT = {"resourceType": "Patient"}


def entry(method: Any, url: Any, resource: Any = None, **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {**made, "resource": resource}


@pytest.mark.parametrize(
    ("json", "turn", "resource_type", "id", "criteria"),
    [
        (entry("POST", "Patient", PATIENT), Turn.CREATE, "Patient", None, None),
        (entry("POST", "Patient", PATIENT, ifNoneExist="identifier=s|v"), Turn.CREATE, "Patient", None,
         [("identifier", "s|v")]),
        (entry("PUT", "Patient/1", PATIENT), Turn.UPDATE, "Patient", "1", None),
        (entry("PUT", "Patient?identifier=v", PATIENT), Turn.UPDATE, "Patient", None, [("identifier", "v")]),
        (entry("PATCH", "Patient/1", {"resourceType": "Parameters"}), Turn.UPDATE, "Patient", "1", None),
        (entry("DELETE", "Patient/1"), Turn.DELETE, "Patient", "1", None),
        (entry("DELETE", "Patient?name=x"), Turn.DELETE, "Patient", None, [("name", "x")]),
        (entry("GET", "Patient/1"), Turn.READ, "", None, None),
        (entry("HEAD", "Patient/1"), Turn.READ, "", None, None),
        (entry("GET", ""), Turn.READ, "", None, None),
        (entry("GET", "Patient?name=x"), Turn.READ, "", None, None),
        (entry("POST", "Patient/_search"), Turn.READ, "", None, None),
        (entry("POST", "Patient/$validate", PATIENT), Turn.READ, "", None, None),
        (entry("GET", f"{BASE}/Patient/1"), Turn.READ, "", None, None),
    ],
)  # fmt: skip
def test_placed(json: Any, turn: Turn, resource_type: str, id: str | None, criteria: Any) -> None:
    found = parse_entry(0, json, BASE)
    place(found)
    assert (found.turn, found.type, found.id, found.criteria) == (turn, resource_type, id, criteria)


@pytest.mark.parametrize(
    ("json", "status", "element"),
    [
        (7, 400, ""),
        ({}, 400, "request"),
        ({"request": []}, 400, "request"),
        (entry(None, "Patient"), 400, "request.method"),
        (entry("TRACE", "Patient"), 400, "request.method"),
        (entry(["GET"], "Patient"), 400, "request.method"),
        (entry("GET", None), 400, "request.url"),
        (entry("GET", 7), 400, "request.url"),
        (entry("GET", "../Patient"), 400, "request.url"),
        (entry("GET", "http://other.example/Patient/1"), 400, "request.url"),
        (entry("PUT", "Patient/1", PATIENT, ifMatch=1), 400, "request.ifMatch"),
        ({**entry("POST", "Patient", PATIENT), "fullUrl": 1}, 400, "fullUrl"),
        (entry("POST", "", {"resourceType": "Bundle"}), 400, "request.url"),
        (entry("PUT", "", PATIENT), 400, "request.url"),
        (entry("DELETE", "?name=x"), 400, "request.url"),
        (entry("POST", "Nothing", PATIENT), 404, "request.url"),
        (entry("POST", "Patient/1", PATIENT), 405, "request.url"),
        (entry("PUT", "Patient/1/_history/1", PATIENT), 405, "request.url"),
        (entry("POST", "Patient"), 400, "resource"),
        (entry("PUT", "Patient/1", []), 400, "resource"),
        (entry("PUT", "Patient", PATIENT), 400, "request.url"),
        (entry("DELETE", "Patient"), 400, "request.url"),
        (entry("PATCH", "Patient?_format=json", PATIENT), 400, "request.url"),
        (entry("POST", "Patient", PATIENT, ifNoneExist=""), 400, "request.ifNoneExist"),
    ],
)
def test_refused(json: Any, status: int, element: str) -> None:
    with pytest.raises(FhirError) as refused:
        place(parse_entry(3, json, BASE))
    assert refused.value.status == status
    assert refused.value.issues[0].expression == ("Bundle.entry[3]" + (f".{element}" if element else ""),)


def test_headers_are_taken_over() -> None:
    found = parse_entry(0, entry("PUT", "Patient/1", PATIENT, ifMatch='W/"1"', ifNoneMatch="*"), BASE)
    assert found.headers == {"if-match": 'W/"1"', "if-none-match": "*"}


def test_order_of_processing() -> None:
    methods = ["GET", "PUT", "POST", "DELETE", "PATCH", "POST", "HEAD", "DELETE"]
    urls = {"GET": "Patient/9", "HEAD": "Patient/9", "POST": "Patient"}
    entries = []
    for index, method in enumerate(methods):
        found = parse_entry(index, entry(method, urls.get(method, f"Patient/{index}"), PATIENT), BASE)
        place(found)
        entries.append(found)
    assert [found.index for found in by_turn(entries)] == [3, 7, 2, 5, 1, 4, 0, 6]


def test_nested() -> None:
    assert nested(parse_entry(0, entry("POST", f"{BASE}/", {}), BASE))
    assert not nested(parse_entry(0, entry("POST", "Bundle", {}), BASE))
