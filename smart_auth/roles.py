"""What people can be here. Each role's policy says what it opens."""

from __future__ import annotations

FOR_THEMSELVES = ("member", "guardian")
"""Those who see their own record, or their children's."""
ROLES = (
    *FOR_THEMSELVES, "nurse", "physician", "medical-auditor", "claims-analyst", "provider-staff", "operator",
    "security-officer", "privacy-officer",
)  # fmt: skip
