"""$validate: its input, its modes, its answers."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from fhir_server.exchange import FhirRequest
from fhir_server.operations.validate import Asked, is_base_profile, judge, parse_input
from fhir_server.outcome import Invalid
from smart_auth.scopes import UNRESTRICTED

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "1", "active": True}
BASE = "http://hl7.org/fhir/StructureDefinition/"


def request(body: Any = None, query: list[tuple[str, str]] | None = None) -> FhirRequest:
    raw = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/fhir+json"}
    return FhirRequest("POST", ("Patient", "$validate"), query or [], headers, UNRESTRICTED, raw)


def parameters(**members: Any) -> dict[str, Any]:
    names = {"resource": "resource", "mode": "valueCode", "profile": "valueUri"}
    given = [{"name": name, names.get(name, "valueString"): value} for name, value in members.items()]
    return {"resourceType": "Parameters", "parameter": given}


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        (PATIENT, [], Asked(PATIENT)),
        (PATIENT, [("mode", "create"), ("profile", "x"), ("_format", "json")], Asked(PATIENT, "create", "x")),
        (parameters(resource=PATIENT), [], Asked(PATIENT)),
        (parameters(resource=PATIENT, mode="update", profile="x"), [], Asked(PATIENT, "update", "x")),
        (parameters(mode="delete"), [], Asked(None, "delete")),
        (None, [("mode", "delete")], Asked(None, "delete")),
        ([1], [], Asked([1])),
    ],
)
def test_input(body: Any, query: list[tuple[str, str]], expected: Asked) -> None:
    assert parse_input(request(body, query), "Patient") == expected


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (parameters(resource=PATIENT, mode="improve"), []),
        (parameters(resource=PATIENT, mode=1), []),
        (parameters(resource=PATIENT, other="x"), []),
        (PATIENT, [("other", "x")]),
        (PATIENT, [("mode", "create"), ("mode", "update")]),
        (parameters(mode="create"), [("mode", "create")]),
        ({"resourceType": "Parameters"}, []),
        ({"resourceType": "Parameters", "parameter": [{}]}, []),
        ({"resourceType": "Parameters", "parameter": [1]}, []),
    ],
)
def test_wrong_input(body: Any, query: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid):
        parse_input(request(body, query), "Patient")


def test_parameters_can_be_validated_themselves() -> None:
    inner: dict[str, Any] = {"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b"}]}
    assert parse_input(request(inner), "Parameters") == Asked(inner)
    assert parse_input(request(parameters(resource=inner)), "Parameters") == Asked(inner)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (BASE + "Patient", True),
        (BASE + "Patient|4.0.1", True),
        (BASE + "Patient|5.0.0", False),
        (BASE + "DomainResource", True),
        (BASE + "Resource", True),
        (BASE + "Observation", False),
        ("Patient", False),
        ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", False),
        ("", False),
    ],
)
def test_base_profile(profile: str, expected: bool) -> None:
    assert is_base_profile(profile, "Patient") is expected
    assert not is_base_profile(BASE + "DomainResource", "Bundle")


@pytest.mark.parametrize(
    ("asked", "id", "expected"),
    [
        (Asked(PATIENT), None, []),
        (Asked(PATIENT), "1", []),
        (Asked(PATIENT), "2", [("error", "value")]),
        (Asked(PATIENT, "create"), None, [("information", "informational")]),
        (Asked({"resourceType": "Patient"}, "create"), None, []),
        (Asked({"resourceType": "Patient"}, "create"), "1", [("error", "business-rule")]),
        (Asked({"resourceType": "Patient"}, "update"), None, [("error", "required")]),
        (Asked({"resourceType": "Patient"}), None, []),
        (Asked({"resourceType": "Group", "type": "person", "actual": True}), None, [("error", "structure")]),
        (Asked({**PATIENT, "gender": "x"}), None, [("error", "code-invalid")]),
        (Asked(PATIENT, profile=BASE + "Patient"), None, []),
        (Asked(PATIENT, profile="http://example.org/x"), None, [("error", "not-supported")]),
        (Asked([]), None, [("error", "structure")]),
    ],
)
def test_judge(asked: Asked, id: str | None, expected: list[tuple[str, str]]) -> None:
    issues = [issue for issue in judge(asked, "Patient", id) if "dom-6" not in issue.diagnostics]
    assert [(issue.severity, issue.code) for issue in issues] == expected


async def answer(client: httpx2.AsyncClient, url: str, body: Any = None) -> tuple[int, list[tuple[str, str]]]:
    if body is None:
        response = await client.get(url)
    else:
        response = await client.post(url, json=body, headers={"content-type": "application/fhir+json"})
    issues = response.json()["issue"]
    return response.status_code, [(i["severity"], i["code"]) for i in issues if "dom-6" not in i["diagnostics"]]


OK = [("information", "informational")]
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'
TOLD = {**PATIENT, "text": {"status": "generated", "div": DIV}}


async def test_over_http(client: httpx2.AsyncClient) -> None:
    assert await answer(client, "Patient/$validate", TOLD) == (200, OK)
    assert await answer(client, "Patient/$validate", {**TOLD, "gender": "x"}) == (200, [("error", "code-invalid")])
    assert await answer(client, "Patient/$validate", parameters(resource=TOLD, mode="update")) == (200, OK)
    assert await answer(client, "Patient/$validate?mode=nonsense", TOLD) == (400, [("error", "value")])
    assert await answer(client, "Patient/$validate") == (400, [("error", "required")])
    assert await answer(client, "Patient/1/$validate") == (404, [("error", "not-found")])
    assert (await client.get("Patient/1")).status_code == 404  # nothing was stored


async def test_stored_resources(client: httpx2.AsyncClient) -> None:
    headers = {"content-type": "application/fhir+json"}
    observation = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
                   "subject": {"reference": "Patient/1"}}  # fmt: skip
    await client.put("Patient/1", json=TOLD, headers=headers)
    assert await answer(client, "Patient/1/$validate") == (200, OK)
    assert await answer(client, f"Patient/1/$validate?profile={BASE}Patient") == (200, OK)
    assert await answer(client, "Patient/1/$validate?profile=http://example.org/x") == (
        200, [("error", "not-supported")],
    )  # fmt: skip
    assert await answer(client, "Patient/1/$validate", {**TOLD, "id": "2"}) == (200, [("error", "value")])
    assert await answer(client, "Patient/1/$validate", parameters(resource=TOLD, mode="profile")) == (
        400, [("error", "value")],
    )  # fmt: skip
    assert await answer(client, "Patient/1/$validate?mode=delete") == (200, OK)
    assert (await client.get("Patient/1")).headers["etag"] == 'W/"1"'  # still there
    await client.put("Observation/o", json=observation, headers=headers)
    assert await answer(client, "Patient/1/$validate", parameters(mode="delete")) == (200, [("error", "conflict")])
    assert await answer(client, "Observation/o/$validate?mode=delete") == (200, OK)
    assert await answer(client, "Patient/$validate?mode=delete") == (400, [("error", "value")])
    await client.delete("Observation/o")
    assert await answer(client, "Observation/o/$validate?mode=delete") == (410, [("error", "deleted")])
    assert await answer(client, "Patient/1/$validate?mode=delete") == (200, OK)
