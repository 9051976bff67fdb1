"""What a member says of notices, or of a model's help: the Consent of their identity, a new version each time. Pure.

https://hl7.org/fhir/R4/consent.html. The care services' contract, section 9.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.conversation import Choice
from care_services.chat.recorded import conversation
from care_services.chat.recorded.place import Place
from care_services.consent import changed
from care_services.consent import consent as written
from mappings.whatsapp.phone import digits

Json = Any


def consent(choice: Choice, place: Place) -> Json:
    """The entry that writes what holds after a choice."""
    after = changed(choice.before, choice.purposes, choice.granted, place.now)
    phone = conversation.phone(place.member, place.systems)
    own, policy = place.member["identifier"]["value"], f"{place.systems.base}/texts/{place.rules.version}"
    number = digits(phone) if phone else None
    return written(after, own, place.member, number, place.message, policy, place.systems, place.now)
