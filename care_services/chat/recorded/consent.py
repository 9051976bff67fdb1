"""Notices are wanted, or not: the one Consent of an identity, a new version each time. Pure.

https://hl7.org/fhir/R4/consent.html. The care services' contract, section 9.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.conversation import Choice
from care_services.chat.recorded.place import Place, instant
from mappings.identifiers import coding, concept

Json = Any

_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"


def consent(choice: Choice, place: Place) -> Json:
    """The entry that puts it in the place of the one before."""
    value, system = place.member["identifier"]["value"], place.systems.sid("whatsapp/consentimento")
    resource = {
        "resourceType": "Consent",
        "identifier": [{"system": system, "value": value}],
        "status": "active",
        "scope": concept(coding(_SCOPE, "patient-privacy")),
        "category": [concept(coding("http://loinc.org", "59284-0"))],
        "patient": place.member,
        "dateTime": instant(place.now),
        # No `source`: in R4 that may be no Communication.
        "extension": [{"url": place.systems.extension("mensagem"), "valueReference": {"reference": place.message}}],
        "policyRule": {"text": f"texts {place.rules.version}"},
        "provision": {"type": "permit" if choice.notices else "deny"},
    }
    return {"resource": resource, "request": {"method": "PUT", "url": f"Consent?identifier={system}|{value}"}}
