"""What people can be here. Each role's policy says what it opens."""

from __future__ import annotations

FOR_THEMSELVES = ("member", "guardian")
"""Those who see their own record, or their children's."""
OFFICER = "security-officer"
"""Whoever administers clients, people and policies."""
ROLES = (
    *FOR_THEMSELVES, "nurse", "physician", "medical-auditor", "claims-analyst", "provider-staff", "operator",
    OFFICER, "privacy-officer",
)  # fmt: skip
