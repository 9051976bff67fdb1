"""What somebody decided about a purpose, as a Consent whose versions are its history. https://hl7.org/fhir/R4/consent.html

A yes is active, a no that takes a yes back inactive, a no from the beginning rejected. Only a yes has effects: without
one, what needs consent does not go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from fhir_server.privacy.purposes import ACT, PURPOSES, REASON, SYSTEM, Purpose
from fhir_server.privacy.subject import GUARDIAN, PATIENT
from fhir_server.version import instant

GIVEN = frozenset({"active"})
_SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
_PRIVACY = {"system": "http://loinc.org", "code": "59284-0"}
_TEXT = "urn:fhir-hub:consent-text"
_SUBJECT, _CLIENT = "urn:fhir-hub:subject", "urn:fhir-hub:client"


@dataclass(frozen=True, slots=True)
class By:
    """Who says it."""

    speaker: str
    """PATIENT, GUARDIAN or SERVICE."""
    subject: str
    client: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision."""

    granted: bool
    at: str
    by: str
    """patient or guardian."""
    text: str
    """Version of the words, as a URI."""
    version: str
    """Of the Consent: "Consent/1/_history/2"."""


def consent_id(patient: str, purpose: str) -> str:
    """Id of the one Consent of a patient about a purpose."""
    return f"{purpose}-{blake2b(patient.encode(), digest_size=16).hexdigest()}"


def text_uri(purpose: Purpose) -> str:
    """What a Consent says that was agreed to."""
    return f"{_TEXT}:{purpose.code}:{purpose.version}"


def decided(
    before: Mapping[str, Any] | None, purpose: Purpose, granted: bool, patient: str, by: By, now: int
) -> dict[str, Any] | None:
    """The Consent after a decision, before: as it stands; None: it stands so already, by the same words."""
    was = before is not None and before.get("status") in GIVEN
    policy = [{"uri": text_uri(purpose)}]
    if before is not None and was is granted and (not granted or before.get("policy") == policy):
        return None
    at = instant(now)
    status = "active" if granted else "inactive" if was else "rejected"
    began = ((before or {}).get("provision") or {}).get("period", {}).get("start") if was and not granted else None
    period = {"start": at} if granted else {"start": began, "end": at} if began else {"end": at}
    reason = {"system": REASON, "code": purpose.reason} if purpose.reason else {"system": SYSTEM, "code": purpose.code}
    provision: dict[str, Any] = {"type": "permit", "period": period, "purpose": [reason]}
    if purpose.labels:
        provision["securityLabel"] = [{"system": ACT, "code": label} for label in purpose.labels]
    return {
        "resourceType": "Consent", "id": consent_id(patient, purpose.code),
        **({"meta": {"source": f"{_CLIENT}:{by.client}"}} if by.client else {}),
        "status": status, "scope": {"coding": [_SCOPE]},
        "category": [{"coding": [_PRIVACY]}, {"coding": [{"system": SYSTEM, "code": purpose.code}]}],
        "patient": {"reference": f"Patient/{patient}"}, "dateTime": at, "performer": [_performer(patient, by)],
        "policy": policy, "provision": provision,
    }  # fmt: skip


def _performer(patient: str, by: By) -> dict[str, Any]:
    """A service wrote down what the patient said."""
    if by.speaker == GUARDIAN:
        return {"type": "RelatedPerson", "identifier": {"system": _SUBJECT, "value": by.subject}}
    return {"reference": f"Patient/{patient}"}


def of_purpose(consent: Mapping[str, Any], patient: str, purpose: str) -> bool:
    """Whether a Consent is the one of a patient about a purpose."""
    codes = {
        (coding.get("system"), coding.get("code"))
        for one in consent.get("category", ()) for coding in one.get("coding", ())
    }  # fmt: skip
    whose = (consent.get("patient") or {}).get("reference", "").split("/")[-2:]
    return (SYSTEM, purpose) in codes and whose == ["Patient", patient]


def decision(consent: Mapping[str, Any]) -> Decision:
    """What one version of a Consent says."""
    performers = consent.get("performer") or [{}]
    return Decision(
        granted=consent.get("status") in GIVEN,
        at=consent.get("dateTime") or consent["meta"]["lastUpdated"],
        by=GUARDIAN if performers[0].get("type") == "RelatedPerson" else PATIENT,
        text=next((one["uri"] for one in consent.get("policy", ()) if one.get("uri")), ""),
        version=f"Consent/{consent['id']}/_history/{consent['meta']['versionId']}",
    )


def told(history: Mapping[str, Iterable[Decision]]) -> dict[str, Any]:
    """All purposes as Parameters: what stands, and all that was decided, newest first."""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "purpose", "part": _parts(purpose, list(history.get(code, ())))}
            for code, purpose in PURPOSES.items()
        ],
    }


def _parts(purpose: Purpose, decisions: list[Decision]) -> list[dict[str, Any]]:
    stands = purpose.by_default if not decisions else decisions[0].granted
    parts: list[dict[str, Any]] = [
        {"name": "code", "valueCode": purpose.code},
        {"name": "title", "valueString": purpose.title},
        {"name": "text", "valueString": purpose.text},
        {"name": "version", "valueUri": text_uri(purpose)},
        {"name": "basis", "valueString": purpose.basis},
        {"name": "switchable", "valueBoolean": purpose.switchable},
        {"name": "granted", "valueBoolean": stands},
    ]
    parts += (
        {"name": "decision", "part": [
            {"name": "granted", "valueBoolean": one.granted}, {"name": "at", "valueDateTime": one.at},
            {"name": "by", "valueCode": one.by}, *([{"name": "version", "valueUri": one.text}] if one.text else []),
            {"name": "consent", "valueReference": {"reference": one.version}},
        ]}
        for one in decisions
    )  # fmt: skip
    return parts
