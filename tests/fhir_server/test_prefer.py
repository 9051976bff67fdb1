"""Prefer, and the answers to writes."""

from __future__ import annotations

import orjson
import pytest

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid, Issue
from fhir_server.prefer import Prefer, parse_prefer, removed, written
from fhir_server.version import Version
from smart_auth.scopes import UNRESTRICTED

VERSION = Version("Patient", "1", 1, 2, 5, "PUT", b'{"resourceType":"Patient"}')


def asked(method: str, prefer: str) -> FhirRequest:
    return FhirRequest(method, ("Patient", "1"), [], {"prefer": prefer} if prefer else {}, UNRESTRICTED)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", Prefer()),
        ("return=minimal", Prefer("minimal")),
        ('return="representation"', Prefer("representation")),
        ("return=operationoutcome", Prefer("OperationOutcome")),
        ("handling=lenient", Prefer(lenient=True)),
        ("handling=strict", Prefer()),
        ("return=minimal; handling=lenient", Prefer("minimal", True)),
        ("return=minimal, handling=lenient", Prefer("minimal", True)),
        ("return=minimal, return=representation", Prefer("minimal")),
        ("respond-async", Prefer(later=True)),
    ],
)
def test_preferences(value: str, expected: Prefer) -> None:
    assert parse_prefer(value) == expected


@pytest.mark.parametrize("value", ["return=all", "return", "handling=maybe"])
def test_unknown_values(value: str) -> None:
    with pytest.raises(Invalid):
        parse_prefer(value)


@pytest.mark.parametrize(
    ("prefer", "body"),
    [("", VERSION.body), ("return=representation", VERSION.body), ("return=minimal", None)],
)
def test_what_comes_back_from_a_write(prefer: str, body: bytes | None) -> None:
    response = written(asked("PUT", prefer), VERSION, created=False)
    assert (response.status, response.body, response.version_id, response.last_updated) == (200, body, 2, 5)
    assert response.location == "Patient/1/_history/2"
    assert written(asked("PUT", prefer), VERSION, created=True).status == 201


def test_an_outcome_tells_the_warnings() -> None:
    warning = Issue("value", "odd", severity="warning")
    response = written(asked("POST", "return=OperationOutcome"), VERSION, created=True, issues=[warning])
    issues = orjson.loads(response.body or b"")["issue"]
    assert [issue["severity"] for issue in issues] == ["information", "warning"]


@pytest.mark.parametrize(("prefer", "status"), [("", 204), ("return=minimal", 204), ("return=OperationOutcome", 200)])
@pytest.mark.parametrize("version", [VERSION, None])
def test_what_comes_back_from_a_delete(prefer: str, status: int, version: Version | None) -> None:
    response = removed(asked("DELETE", prefer), version)
    assert (response.status, response.body is None) == (status, status == 204)
