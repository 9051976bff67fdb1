"""Events of the platform: which version gives which, and that what is told is what its schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fhir_server.events.event import Event, Interaction
from fhir_server.events.waiting import Change
from fhir_server.validation import validate
from hub.platform_events import PLATFORM_EVENTS, told
from mappings.r4 import parse

SCHEMAS = Path(__file__).parents[2] / "docs" / "events"
BASE = "https://hub.example.org/fhir"

PATIENT: dict[str, Any] = {"resourceType": "Patient", "birthDate": "1970-01-01"}
TASK: dict[str, Any] = {
    "resourceType": "Task", "status": "in-progress", "intent": "order",
    "code": {"coding": [{"system": "https://hub.example.org/task", "code": "conversation"}]},
}  # fmt: skip
ASSESSMENT: dict[str, Any] = {
    "resourceType": "RiskAssessment", "status": "preliminary", "subject": {"reference": "Patient/1"},
    "basis": [{"reference": "QuestionnaireResponse/4/_history/1"}],
    "prediction": [{"qualitativeRisk": {"text": "urgent"}}],
}  # fmt: skip
RISK: dict[str, Any] = {
    "resourceType": "RiskAssessment", "status": "preliminary", "subject": {"reference": "Patient/1"},
    "basis": [{"reference": "Observation/4/_history/1"}], "prediction": [{"probabilityDecimal": 0.25}],
}  # fmt: skip
CLAIM: dict[str, Any] = {
    "resourceType": "Claim", "status": "active", "use": "preauthorization", "created": "2026-01-31",
    "type": {"text": "x"}, "patient": {"reference": "Patient/1"}, "provider": {"reference": "Organization/1"},
    "priority": {"text": "normal"}, "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}],
}  # fmt: skip


def schema(file: Path) -> Any:
    return json.loads(file.read_text())


@pytest.mark.parametrize(
    ("resource", "interaction", "types"),
    [
        (PATIENT, "create", ["user.registered"]),
        (PATIENT | {"active": True}, "create", ["user.registered"]),
        (PATIENT | {"active": False}, "create", []),
        (PATIENT, "update", []),
        (PATIENT, "delete", []),
        (TASK, "create", ["conversation.started"]),
        (TASK | {"code": {"coding": [{"code": "pharmacist"}]}}, "create", []),
        (TASK | {"code": {"text": "conversation"}}, "create", []),
        (ASSESSMENT, "create", ["ai.symptom.analyzed"]),
        (ASSESSMENT | {"parent": {"reference": "RiskAssessment/1"}}, "create", []),
        (ASSESSMENT, "update", []),
        (RISK, "create", ["risk.calculated"]),
        (RISK | {"basis": ASSESSMENT["basis"]}, "create", ["ai.symptom.analyzed", "risk.calculated"]),
        (CLAIM, "create", ["auth.requested"]),
        (CLAIM | {"use": "claim"}, "create", []),
        (CLAIM | {"status": "draft"}, "create", []),
        ({"resourceType": "Basic", "code": {"text": "x"}}, "create", []),
    ],
)
def test_which_version_gives_which(resource: dict[str, Any], interaction: Interaction, types: list[str]) -> None:
    content = parse(json.dumps(resource).encode())
    assert [issue for issue in validate(content) if issue.severity == "error"] == []
    kind = resource["resourceType"]
    event = Event(17, f"{kind}/7/_history/1", interaction, "Patient/1", 1_700_000_000_000_000)
    found = list(told(Change(kind, event, content), BASE))
    assert [type for type, _, _ in found] == types
    assert len({id for _, id, _ in found}) == len(types), "the id is one event's alone"
    for type, id, body in found:
        said = json.loads(body)
        assert (said["id"], said["data"]) == (id, {"reference": event.reference, "interaction": interaction})
        checked(type).validate(said)


def checked(type: str) -> Any:
    [file] = SCHEMAS.glob(f"{type}.v*.json")
    return jsonschema.Draft202012Validator(
        schema(file), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )  # fmt: skip


def test_what_was_removed_for_good_gives_none() -> None:
    event = Event(17, "Claim//_history/1", "create", "Claim/", 0)
    assert list(told(Change("Claim", event, None), BASE)) == []


def test_each_has_its_schema_and_each_schema_its_event() -> None:
    files = {file.name: file for file in SCHEMAS.glob("*.json")}
    assert set(files) == {f"{one.type}.v{one.version}.json" for one in PLATFORM_EVENTS}
    for one in PLATFORM_EVENTS:
        found = schema(files[f"{one.type}.v{one.version}.json"])
        jsonschema.Draft202012Validator.check_schema(found)
        assert (found["$id"], found["properties"]["type"]["const"]) == (one.schema, one.type)
        assert found["properties"]["data"]["properties"]["interaction"]["enum"] == list(one.interactions)
        assert one.type in (SCHEMAS / "README.md").read_text()


@pytest.mark.parametrize("more", [{"birthDate": "1970-01-01"}, {"name": "x"}])
def test_a_schema_lets_nothing_else_pass(more: dict[str, Any]) -> None:
    [(_, _, body)] = told(
        Change("Patient", Event(1, "Patient/7/_history/1", "create", "Patient/7", 0), PATIENT), BASE
    )  # fmt: skip
    said = json.loads(body)
    for wrong in (said | more, said | {"data": said["data"] | more}, {**said, "subject": "Claim/1/_history/1"}):
        assert not checked("user.registered").is_valid(wrong)
