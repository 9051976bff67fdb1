"""What the app asks for: to read the person's record, to say what they agree to, and to write to who answers for it."""

from __future__ import annotations

SCOPES = (
    "openid", "fhirUser", "online_access", "patient/*.rs", "patient/Consent.crs", "patient/Communication.crs",
)  # fmt: skip
