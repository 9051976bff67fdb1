"""What the app asks for: to read what it shows."""

from __future__ import annotations

TYPES = (
    "Patient", "Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Medication",
    "Observation", "Encounter", "Claim", "ExplanationOfBenefit", "DocumentReference", "Binary", "Consent",
    "Practitioner",
)  # fmt: skip
"""Resource types the app shows."""

SCOPES = ("openid", "fhirUser", "online_access", *(f"patient/{name}.rs" for name in TYPES))
