"""What the app asks for: Tasks and what belongs to a case; what of it a person gets is their policy's to say."""

from __future__ import annotations

READ = ("Patient", "Practitioner", "Communication", "Encounter", "QuestionnaireResponse", "Observation")
SCOPES = (
    "openid", "fhirUser", "online_access", *(f"user/{name}.rs" for name in READ), "user/Task.rus",
    "user/CommunicationRequest.crs", "user/RiskAssessment.crus", "user/Flag.crus", "user/Appointment.crus",
    "user/Provenance.c", "user/Binary.r",
)  # fmt: skip
