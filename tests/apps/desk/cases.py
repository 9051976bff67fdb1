"""A case to act on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apps.desk.acts import By
from apps.desk.case import Case

Json = Any
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
BASE = "https://austa.example/fhir"
ROSA, LIA = ({"reference": f"Practitioner/{id}", "display": name} for id, name in (("1", "Rosa"), ("2", "Lia")))
MEMBER = {
    "extension": [{"url": f"{BASE}/StructureDefinition/telefone", "valueString": "5517988880001"}],
    "identifier": {"system": f"{BASE}/sid/whatsapp/usuario", "value": "BR.1"},
}  # fmt: skip


def task(code: str = "nurse-callback", **more: Any) -> Json:
    return {
        "resourceType": "Task", "id": "t", "meta": {"versionId": "3"}, "status": "requested", "priority": "stat",
        "code": {"coding": [{"code": code}]}, "for": MEMBER, "focus": {"reference": "Encounter/e"},
        "authoredOn": "2026-11-28T11:58:00Z", **more,
    }  # fmt: skip


def wrote(text: str, sent: str, id: str = "m", **more: Any) -> Json:
    return {
        "resourceType": "Communication", "id": id, "status": "completed", "sent": sent, "sender": MEMBER,
        "recipient": [{"identifier": {"system": f"{BASE}/sid/whatsapp/numero", "value": "1000"}}],
        "payload": [{"contentString": text}], **more,
    }  # fmt: skip


def risk(level: str, id: str = "r", **more: Any) -> Json:
    return {
        "resourceType": "RiskAssessment", "id": id, "meta": {"versionId": "1"}, "status": "preliminary",
        "subject": MEMBER, "prediction": [{"qualitativeRisk": {"coding": [{"code": level}]}}], **more,
    }  # fmt: skip


def case(owner: Json | None = ROSA, **more: Any) -> Case:
    found = {
        "communications": (wrote("oi", "2026-11-28T11:00:00Z"),), "requests": (), "risks": (risk("emergency"),),
        "flags": (), "appointments": (), **more,
    }  # fmt: skip
    return Case(task(**({"owner": owner} if owner else {})), **found)


def by(user: Json = ROSA) -> By:
    return By(user, NOW, "form")
