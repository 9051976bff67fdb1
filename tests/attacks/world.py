"""A small record in which everything that access depends on occurs, and the people who would like to see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

TEXT: dict[str, Any] = {"text": "x"}
HIV = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}
AIAST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
_COVERAGE = [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}]
_MEDICATION = {"medicationCodeableConcept": TEXT}
_ORDER = {"status": "active", "intent": "order"}

OF_PATIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Account": ("subject[]", {"status": "active"}),
    "AdverseEvent": ("subject", {"actuality": "actual"}),
    "AllergyIntolerance": ("patient", {"code": TEXT, "clinicalStatus": {"coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}}),
    "Basic": ("subject", {"code": TEXT}),
    "CarePlan": ("subject", {"status": "active", "intent": "plan"}),
    "Claim": ("patient", {"status": "active", "type": TEXT, "use": "claim", "created": "2024-01-01", "priority": TEXT,
                          "provider": {"display": "x"}, "insurance": _COVERAGE}),
    "ClaimResponse": ("patient", {"status": "active", "type": TEXT, "use": "claim", "created": "2024-01-01",
                                  "insurer": {"display": "x"}, "outcome": "complete"}),
    "ClinicalImpression": ("subject", {"status": "completed"}),
    "Communication": ("subject", {"status": "completed"}),
    "Condition": ("subject", {"code": TEXT}),
    "Coverage": ("beneficiary", {"status": "active", "payor": [{"display": "x"}]}),
    "DiagnosticReport": ("subject", {"status": "final", "code": TEXT}),
    "DocumentReference": ("subject", {"status": "current", "content": [{"attachment": {"title": "x"}}]}),
    "Encounter": ("subject", {"status": "finished", "class": {"code": "AMB"}}),
    "EpisodeOfCare": ("patient", {"status": "active"}),
    "ExplanationOfBenefit": ("patient", {
        "status": "active", "type": TEXT, "use": "claim", "created": "2024-01-01", "insurer": {"display": "x"},
        "provider": {"display": "x"}, "outcome": "complete",
        "insurance": [{"focal": True, "coverage": {"display": "x"}}]}),
    "FamilyMemberHistory": ("patient", {"status": "completed", "relationship": TEXT}),
    "Flag": ("subject", {"status": "active", "code": TEXT}),
    "Goal": ("subject", {"lifecycleStatus": "active", "description": TEXT}),
    "ImagingStudy": ("subject", {"status": "available"}),
    "Immunization": ("patient", {"status": "completed", "vaccineCode": TEXT, "occurrenceString": "x"}),
    "List": ("subject", {"status": "current", "mode": "working"}),
    "Media": ("subject", {"status": "completed", "content": {"title": "x"}}),
    "MedicationAdministration": ("subject", {"status": "completed", "effectiveDateTime": "2024-01-01"} | _MEDICATION),
    "MedicationDispense": ("subject", {"status": "completed"} | _MEDICATION),
    "MedicationRequest": ("subject", _ORDER | _MEDICATION),
    "MedicationStatement": ("subject", {"status": "active"} | _MEDICATION),
    "Observation": ("subject", {"status": "final", "code": TEXT}),
    "Procedure": ("subject", {"status": "completed"}),
    "QuestionnaireResponse": ("subject", {"status": "completed"}),
    "RelatedPerson": ("patient", {}),
    "RiskAssessment": ("subject", {"status": "final"}),
    "ServiceRequest": ("subject", _ORDER),
    "Specimen": ("subject", {}),
    "SupplyDelivery": ("patient", {"status": "completed"}),
}  # fmt: skip
"""Type -> the element that makes it a patient's, by R4's definition of the compartment, and what else it needs."""

SHARED: dict[str, dict[str, Any]] = {
    "Organization": {"name": "x"}, "Practitioner": {}, "PractitionerRole": {}, "Location": {}, "HealthcareService": {},
    "Medication": {}, "InsurancePlan": {"name": "x"}, "Questionnaire": {"status": "active"},
    "ValueSet": {"status": "active"},
}  # fmt: skip
OF_NOBODY: dict[str, dict[str, Any]] = {
    "Task": {"status": "requested", "intent": "order"}, "Device": {}, "Endpoint": {
        "status": "active", "connectionType": {"code": "x"}, "payloadType": [TEXT], "address": "http://example.org"},
    "Group": {"type": "person", "actual": True}, "Schedule": {"actor": [{"display": "x"}]},
}  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    name: str
    scope: str
    roles: tuple[str, ...] = ()
    patient: str | None = None
    user: str | None = None
    organization: str | None = None


def day(days: int) -> str:
    """So many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d")


def callers(mark: str) -> list[Caller]:
    """Of every level, kind of role and relation. a-[mark] is the patient whose record they want, b-[mark] another."""
    a, org = f"a-{mark}", f"Organization/care-{mark}"
    everything = "user/*.cruds"
    return [
        Caller("service", "system/*.cruds"),
        Caller("service of one type", "system/Observation.rs system/Patient.r"),
        Caller("service with condition", "system/*.rs?_security=HIV"),
        Caller("own app", "patient/*.cruds", patient=a),
        Caller("own app of one type", "patient/Observation.r patient/Condition.s", patient=a),
        Caller("own app with condition", "patient/Observation.rs?status=final patient/Condition.rs?_security=HIV",
               patient=a),
        Caller("app of somebody else", "patient/*.rs", patient=a, user=f"Practitioner/stranger-{mark}"),
        Caller("member", everything, ("member",), user=f"Patient/{a}"),
        Caller("member's app", "patient/*.cruds", ("member",), a, f"Patient/{a}"),
        Caller("guardian of a grown-up", "patient/*.rs", ("guardian",), a, f"RelatedPerson/x-{mark}"),
        Caller("guardian", "patient/*.rs", ("guardian",), f"b-{mark}", f"RelatedPerson/x-{mark}"),
        Caller("nurse", everything, ("nurse",), user=f"Practitioner/stranger-{mark}"),
        Caller("nurse's app", "patient/*.cruds", ("nurse",), a, f"Practitioner/stranger-{mark}"),
        Caller("treating physician", everything, ("physician",), user=f"Practitioner/treating-{mark}"),
        Caller("permitted nurse", everything, ("nurse",), user=f"Practitioner/permitted-{mark}"),
        Caller("denied nurse", everything, ("nurse",), user=f"Practitioner/denied-{mark}"),
        Caller("medical auditor", everything, ("medical-auditor",), user=f"Practitioner/stranger-{mark}"),
        Caller("claims analyst", everything, ("claims-analyst",)),
        Caller("staff", everything, ("provider-staff",), user=f"Practitioner/stranger-{mark}", organization=org),
        Caller("staff elsewhere", everything, ("provider-staff",), organization=f"Organization/else-{mark}"),
        Caller("nurse and analyst", everything, ("claims-analyst", "nurse"), user=f"Practitioner/stranger-{mark}"),
        Caller("limited nurse", "user/Observation.rs user/Condition.rs?_security=HIV user/Patient.r", ("nurse",)),
        Caller("operator", everything, ("operator",)),
        Caller("privacy officer", everything, ("privacy-officer",)),
        Caller("sales", everything, ("sales",)),
        Caller("nobody", everything),
    ]  # fmt: skip


def record(mark: str) -> list[dict[str, Any]]:
    """Every resource of the record, what is referred to first. Ids end in the mark."""
    a, b = {"reference": f"Patient/a-{mark}"}, {"reference": f"Patient/b-{mark}"}
    found: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": f"a-{mark}", "birthDate": "1970-01-01"},
        {"resourceType": "Patient", "id": f"b-{mark}", "birthDate": day(-2000)},
        *({"resourceType": "Organization", "id": f"{name}-{mark}", "name": name} for name in ("care", "else")),
        *({"resourceType": "Practitioner", "id": f"{name}-{mark}"}
          for name in ("stranger", "treating", "permitted", "denied")),
    ]  # fmt: skip
    for kind, (element, rest) in OF_PATIENTS.items():
        for name, whose, labels in (("own", a, []), ("other", b, []), ("labelled", a, [HIV]), ("model", a, [AIAST])):
            link = {element.removesuffix("[]"): [whose] if element.endswith("[]") else whose}
            meta = {"meta": {"security": labels}} if labels else {}
            found.append({"resourceType": kind, "id": f"{name}-{mark}"} | rest | link | meta)
    for kind, rest in (*SHARED.items(), *OF_NOBODY.items()):
        found.append({"resourceType": kind, "id": f"shared-{mark}"} | rest)
    found += [
        {"resourceType": "Encounter", "id": f"relation-{mark}", "status": "finished", "class": {"code": "AMB"},
         "subject": a, "period": {"start": day(-100)}, "serviceProvider": {"reference": f"Organization/care-{mark}"}},
        {"resourceType": "CareTeam", "id": f"treats-{mark}", "subject": a, "period": {"start": day(-100)},
         "participant": [{"member": {"reference": f"Practitioner/treating-{mark}"}}]},
        consent(mark, "a", "permits", {"type": "permit", "securityLabel": [HIV],
                "actor": [{"role": TEXT, "reference": {"reference": f"Practitioner/permitted-{mark}"}}]}),
        consent(mark, "b", "denies", {"type": "deny",
                "actor": [{"role": TEXT, "reference": {"reference": f"Practitioner/denied-{mark}"}}]}),
    ]  # fmt: skip
    return found


def consent(mark: str, who: str, name: str, provision: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Consent", "id": f"{name}-{mark}", "status": "active", "category": [TEXT], "policyRule": TEXT,
        "scope": {"coding": [{"code": "patient-privacy"}]}, "patient": {"reference": f"Patient/{who}-{mark}"},
        "provision": provision,
    }  # fmt: skip
