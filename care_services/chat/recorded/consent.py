"""Notices, or a model's help, are wanted or not: one Consent of an identity for each, a new version each time. Pure.

https://hl7.org/fhir/R4/consent.html. The care services' contract, section 9.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.conversation import Assistance, Choice
from care_services.chat.recorded.place import Place, instant
from mappings.identifiers import coding, concept

Json = Any

_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"


def consent(choice: Choice, place: Place) -> Json:
    """The entry that puts what is said of notices in the place of what was said before."""
    return _put("whatsapp/consentimento", {"type": "permit" if choice.notices else "deny"}, place)


def assistance(choice: Assistance, place: Place) -> Json:
    """The same of model assistance."""
    purpose = [coding(place.systems.codes("finalidade"), "ai-assistance")]
    provision = {"type": "permit" if choice.wanted else "deny", "purpose": purpose}
    return _put("whatsapp/consentimento-ia", provision, place)


def _put(sid: str, provision: Json, place: Place) -> Json:
    value, system = place.member["identifier"]["value"], place.systems.sid(sid)
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
        "provision": provision,
    }
    return {"resource": resource, "request": {"method": "PUT", "url": f"Consent?identifier={system}|{value}"}}
