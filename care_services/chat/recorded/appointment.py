"""A less urgent level offers an appointment within three days: proposed, until somebody books it. Pure.

https://hl7.org/fhir/R4/appointment.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from care_services.chat.recorded.place import Place, instant, level

Json = Any

WITHIN = timedelta(hours=72)


def appointment(name: str, about: str | None, assessment: Json, place: Place) -> Json:
    """The proposal. name: of the level; assessment: the RiskAssessment it follows from."""
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "reasonCode": [level(name, place.systems)],
        "created": instant(place.now),
        "supportingInformation": [assessment],
        "requestedPeriod": [{"start": instant(place.now), "end": instant(place.now + WITHIN)}],
        "participant": [{"actor": place.subject(about), "required": "required", "status": "needs-action"}],
    }
