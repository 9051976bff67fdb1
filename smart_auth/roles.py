"""What people can be here. Each role's policy says what it opens."""

from __future__ import annotations

FOR_THEMSELVES = ("member", "guardian")
"""Those who see their own record, or their children's."""
OFFICER = "security-officer"
"""Whoever administers clients, people and policies."""
OPERATOR, PRIVACY_OFFICER = "operator", "privacy-officer"
OPERATING = (OPERATOR, PRIVACY_OFFICER)
"""Those who see messages on their way; only operators move them."""
ANALYSING = ("nurse", "physician", "pharmacist")
"""Those who may have a text analysed by the rules of triage."""
UNMASKER = "operator-unmask"
"""Of an operator who may see whose messages they are, too, and what is in them."""
ROLES = (
    *FOR_THEMSELVES, "nurse", "physician", "pharmacist", "service-desk", "coordinator", "medical-auditor",
    "claims-analyst", "provider-staff", OPERATOR, UNMASKER, OFFICER, PRIVACY_OFFICER,
)  # fmt: skip
