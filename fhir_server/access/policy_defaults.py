"""The policies a new record begins with, one row for a role and some types. `hub policy set` replaces them.

Sales and underwriting have no row: health data may not serve the selection of risks (LGPD, art. 11 §5).
"""

from __future__ import annotations

SHARED = (
    "Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService", "Medication", "InsurancePlan",
    "Questionnaire", "CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "TerminologyCapabilities",
    "CapabilityStatement", "StructureDefinition", "StructureMap", "ImplementationGuide", "SearchParameter",
    "MessageDefinition", "OperationDefinition", "CompartmentDefinition", "GraphDefinition", "ExampleScenario",
)  # fmt: skip
"""Types that are of no patient: with a scope for them, everybody reads them."""
_BILLING = (
    "Account", "ChargeItem", "Claim", "ClaimResponse", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "EnrollmentRequest", "ExplanationOfBenefit", "Invoice",
)  # fmt: skip
_CLINICAL = (
    "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "Basic", "BodyStructure", "CarePlan",
    "CareTeam", "ClinicalImpression", "Communication", "CommunicationRequest", "Composition", "Condition", "Consent",
    "DetectedIssue", "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest",
    "DocumentReference", "Encounter", "EpisodeOfCare", "FamilyMemberHistory", "Flag", "Goal", "ImagingStudy",
    "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "List", "Media",
    "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement", "MolecularSequence",
    "NutritionOrder", "Observation", "Procedure", "Provenance", "QuestionnaireResponse", "RelatedPerson",
    "RequestGroup", "RiskAssessment", "ServiceRequest", "Specimen", "SupplyDelivery", "SupplyRequest",
    "VisionPrescription",
)  # fmt: skip
_SUPPORTING = ("DocumentReference", "Encounter", "Procedure", "ServiceRequest", "DiagnosticReport")
_MADE_BY_MEMBERS = ("Appointment", "AppointmentResponse", "Communication", "Consent", "QuestionnaireResponse")
_NURSED = (
    "AllergyIntolerance", "Appointment", "CarePlan", "Communication", "Encounter", "Flag", "Goal", "Immunization",
    "Media", "MedicationAdministration", "NutritionOrder", "Observation", "Procedure", "QuestionnaireResponse",
    "ServiceRequest", "Specimen",
)  # fmt: skip
_ORDERED = (
    "CareTeam", "ClinicalImpression", "Composition", "Condition", "DetectedIssue", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentReference", "EpisodeOfCare", "FamilyMemberHistory",
    "ImagingStudy", "List", "MedicationRequest", "MedicationStatement", "RiskAssessment", "VisionPrescription",
)  # fmt: skip
_PHARMACY = (
    "AllergyIntolerance",
    "Communication",
    "Condition",
    "Flag",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "RiskAssessment",
)
_READ, _WRITE = "rs", "crus"
_OWN, _WARD, _CARE = "own", "ward", "care"
_OWN_USE, _TREATMENT, _PAYMENT, _OPERATIONS = ("PATRQT",), ("TREAT",), ("HPAYMT",), ("HOPERAT",)
_PRIVATE = ("photo", "contact", "communication", "generalPractitioner")

Row = tuple[str, tuple[str, ...], str, str, tuple[str, ...], tuple[str, ...]]
"""Role, types, interactions, relation, purposes, hidden elements."""

DEFAULTS: tuple[Row, ...] = (
    ("member", SHARED, _READ, "", _OWN_USE, ()),
    ("member", ("Patient", *_CLINICAL, *_BILLING), _READ, _OWN, _OWN_USE, ()),
    ("member", _MADE_BY_MEMBERS, "c", _OWN, _OWN_USE, ()),
    ("guardian", SHARED, _READ, "", _OWN_USE, ()),
    ("guardian", ("Patient", *_CLINICAL, *_BILLING), _READ, _WARD, _OWN_USE, ()),
    ("guardian", _MADE_BY_MEMBERS, "c", _WARD, _OWN_USE, ()),
    ("nurse", SHARED, _READ, "", _TREATMENT, ()),
    ("nurse", ("Patient", "Coverage", *_CLINICAL), _READ, "", _TREATMENT, ()),
    ("nurse", _NURSED, "cu", "", _TREATMENT, ()),
    ("physician", SHARED, _READ, "", _TREATMENT, ()),
    ("physician", ("Patient", "Coverage", *_CLINICAL), _READ, "", _TREATMENT, ()),
    ("physician", (*_NURSED, *_ORDERED), "cu", "", _TREATMENT, ()),
    ("medical-auditor", SHARED, _READ, "", _PAYMENT, ()),
    ("medical-auditor", ("Patient", *_CLINICAL, *_BILLING), _READ, "", _PAYMENT, ()),
    ("claims-analyst", SHARED, _READ, "", _PAYMENT, ()),
    ("claims-analyst", ("Patient",), _READ, "", _PAYMENT, _PRIVATE),
    ("claims-analyst", (*_BILLING, *_SUPPORTING), _READ, "", _PAYMENT, ()),
    ("claims-analyst", ("ClaimResponse", "CoverageEligibilityResponse", "ExplanationOfBenefit"), "cu", "",
     _PAYMENT, ()),
    ("provider-staff", SHARED, _READ, "", _TREATMENT, ()),
    ("provider-staff", ("Patient", "Coverage", "Claim", "ClaimResponse", *_CLINICAL), _READ, _CARE, _TREATMENT, ()),
    # What a relation is made of they do not write: they would make their own.
    ("provider-staff", ("Communication", "DocumentReference", "Observation"), "c", _CARE, _TREATMENT, ()),
    ("operator", SHARED, _READ, "", _OPERATIONS, ()),
    ("operator", ("MessageHeader",), _READ, "", _OPERATIONS, ("focus",)),
    ("operator", ("Endpoint",), "crus", "", _OPERATIONS, ()),
    ("operator-unmask", SHARED, _READ, "", _OPERATIONS, ()),
    ("security-officer", SHARED, _READ, "", _OPERATIONS, ()),
    ("privacy-officer", SHARED, _READ, "", _OPERATIONS, ()),
    ("privacy-officer", ("AuditEvent", "Consent", "Patient"), _READ, "", _OPERATIONS, ()),
    ("privacy-officer", ("Communication", "CommunicationRequest"), _WRITE, "", _OPERATIONS, ()),
    ("privacy-officer", ("Provenance",), "c", "", _OPERATIONS, ()),
    # People at desks, beside their Tasks: who answers members says who did it, and a level is a professional's.
    ("nurse", ("RiskAssessment", "CommunicationRequest", "Provenance"), "cu", "", _TREATMENT, ()),
    ("physician", ("CommunicationRequest", "Provenance"), "cu", "", _TREATMENT, ()),
    *((role, ("Binary",), "r", "", _TREATMENT, ()) for role in ("nurse", "physician", "pharmacist")),
    ("pharmacist", SHARED, _READ, "", _TREATMENT, ()),
    ("pharmacist", ("Patient", "Coverage", *_PHARMACY), _READ, "", _TREATMENT, ()),
    ("pharmacist", ("CommunicationRequest", "Provenance"), "cu", "", _TREATMENT, ()),
    *((role, types, interactions, "", _OPERATIONS, hidden) for role in ("service-desk", "coordinator")
      for types, interactions, hidden in (
          (SHARED, _READ, ()), (("Patient",), _READ, _PRIVATE), (("Communication", "Coverage"), _READ, ()),
          (("CommunicationRequest", "Appointment"), _WRITE, ()), (("Provenance",), "c", ()))),
)  # fmt: skip
"""The rows shipped."""

_CARE_TASKS = "nurse-callback,phone-contact,pharmacist"
DESKS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("nurse", "rus", f"code={_CARE_TASKS}", _TREATMENT),
    ("nurse", "rus", "performer=nurse", _TREATMENT),
    ("physician", "rus", f"code={_CARE_TASKS}", _TREATMENT),
    ("physician", "rus", "performer=physician", _TREATMENT),
    ("pharmacist", "rus", "code=pharmacist", _TREATMENT),
    ("pharmacist", "rus", "performer=pharmacist", _TREATMENT),
    ("service-desk", "rus", "code=service-desk", _OPERATIONS),
    ("service-desk", "rus", "code=phone-contact&priority=routine", _OPERATIONS),
    ("service-desk", "rus", "performer=service-desk", _OPERATIONS),
    ("coordinator", "rus", "performer=coordinator", _OPERATIONS),
    ("privacy-officer", _WRITE, "code=data-subject-request", _OPERATIONS),
    ("privacy-officer", _WRITE, "performer=privacy-officer", _OPERATIONS),
)
"""Role, interactions with Tasks, which ones, purposes: those of somebody's desk, and no others (`apps/desk`)."""
