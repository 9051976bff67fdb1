"""Which date places a resource on a patient's timeline, and whether its code carries it. https://hl7.org/fhir/R4/fivews.html"""

from __future__ import annotations

from functools import cache

from fhir_server.search.parameters import SearchParameter, shipped, single_valued

TIMELINE: dict[str, str] = {
    "AllergyIntolerance": "date",
    "Appointment": "date",
    "AuditEvent": "date",
    "Basic": "created",
    "CarePlan": "date",
    "CareTeam": "date",
    "ChargeItem": "occurrence",
    "Claim": "created",
    "ClaimResponse": "created",
    "ClinicalImpression": "date",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Composition": "date",
    "Condition": "recorded-date",
    "Consent": "date",
    "Contract": "issued",
    "CoverageEligibilityRequest": "created",
    "CoverageEligibilityResponse": "created",
    "DetectedIssue": "identified",
    "DeviceRequest": "authored-on",
    "DiagnosticReport": "date",
    "DocumentManifest": "created",
    "DocumentReference": "date",
    "Encounter": "date",
    "EpisodeOfCare": "date",
    "ExplanationOfBenefit": "created",
    "FamilyMemberHistory": "date",
    "Flag": "date",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "Immunization": "date",
    "ImmunizationEvaluation": "date",
    "ImmunizationRecommendation": "date",
    "Invoice": "date",
    "List": "date",
    "MeasureReport": "date",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "NutritionOrder": "datetime",
    "Observation": "date",
    "Procedure": "date",
    "Provenance": "recorded",
    "QuestionnaireResponse": "authored",
    "RequestGroup": "authored",
    "ResearchSubject": "date",
    "RiskAssessment": "date",
    "ServiceRequest": "authored",
    "Specimen": "collected",
    "Task": "authored-on",
    "VisionPrescription": "datewritten",
}
"""Resource type -> code of the date parameter that places it on a patient's timeline (`patient_date`)."""


@cache
def dated_code(resource_type: str) -> SearchParameter | None:
    """The parameter `code` of a type with one clinical date: its rows in `token` carry that date."""
    known = shipped(resource_type)
    code, timeline = known.get("code"), known.get(TIMELINE.get(resource_type, ""))
    if code is None or timeline is None or not single_valued(timeline):
        return None
    plain = code.type == "token" and code.names == ("code",) and code.data_types <= {"CodeableConcept", "Coding"}
    return code if plain else None
