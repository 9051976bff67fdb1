"""What a patient is told in their own record, by the hub itself. https://hl7.org/fhir/R4/communication.html"""

from __future__ import annotations

from typing import Any

from fhir_server.version import instant

CODES = "urn:fhir-hub:CodeSystem:access"


def notice(patient: str, code: str, text: str, now: int) -> dict[str, Any]:
    """The Communication. patient: an id; code: of CODES, what it is about; now: microseconds since 1970 UTC."""
    who = {"reference": f"Patient/{patient}"}
    return {
        "resourceType": "Communication", "status": "completed", "sent": instant(now),
        "category": [{"coding": [{"system": CODES, "code": code}]}],
        "subject": who, "recipient": [who], "payload": [{"contentString": text}],
    }  # fmt: skip
