"""A level that was reached: a preliminary RiskAssessment, a Flag from very-urgent up, and who made them. Pure.

https://hl7.org/fhir/R4/riskassessment.html, .../flag.html, .../provenance.html. The care services' contract, section 7:
a nurse's review makes it final; another level is another RiskAssessment, with this one as its parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from care_services.chat.conversation import Concluded
from care_services.chat.recorded.place import AIAST, Place, instant, level
from mappings.identifiers import coding, concept

Json = Any

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


def by_model(found: Concluded) -> bool:
    """Whether a model took part: what it read in the member's words is a finding."""
    return any(one.source == "extracted" for one in found.findings.values())


def risk_assessment(
    found: Concluded, about: str | None, encounter: Json, answers: Json, messages: Sequence[str], place: Place
) -> Json:  # fmt: skip
    """The level with all that speaks for it. messages: references of what the member wrote."""
    notes = [f"{one.id} ({one.level}): {one.title}" for one in found.fired]
    notes += [f"{code} [{one.source}]: “{one.quote}”" for code, one in found.findings.items()]
    made: Json = {
        "resourceType": "RiskAssessment",
        **_labelled(found),
        "status": "preliminary",
        "method": concept(
            {**coding(place.systems.codes("regras-de-triagem"), place.rules.status), "version": place.rules.version},
            text=f"triage rules {place.rules.version}, {place.rules.status}",
        ),
        "subject": place.subject(about),
        "encounter": encounter,
        "occurrenceDateTime": instant(place.now),
        "performer": {"reference": place.device},
        "basis": [answers, *({"reference": one} for one in messages)],
        "prediction": [{"qualitativeRisk": level(found.level, place.systems)}],
        "mitigation": place.rules.texts[f"action_{found.level}"],
    }
    return {**made, "note": [{"text": "\n".join(notes)}]} if notes else made


def flag(found: Concluded, about: str | None, encounter: Json, place: Place) -> Json:
    """What everybody who opens the record sees at once."""
    return {
        "resourceType": "Flag",
        **_labelled(found),
        "status": "active",
        "code": level(found.level, place.systems),
        "subject": place.subject(about),
        "encounter": encounter,
        "author": {"reference": place.device},
        "period": {"start": instant(place.now)},
    }


def provenance(found: Concluded, targets: Sequence[Json], messages: Sequence[str], place: Place) -> Json:
    """That the service made the targets out of the messages, and whether a model helped."""
    agents = [{"type": concept(coding(_PARTICIPANT, "author")), "who": {"reference": place.device}}]
    if by_model(found):
        agents.append(
            {
                "type": concept(coding(_PARTICIPANT, "assembler")),
                "who": {"display": f"language model: {found.model or 'unnamed'}"},
                "onBehalfOf": {"reference": place.device},
            }
        )
    return {
        "resourceType": "Provenance",
        **_labelled(found),
        "target": list(targets),
        "occurredDateTime": instant(place.now),
        "recorded": instant(place.now),
        "activity": concept(coding(_OPERATION, "CREATE")),
        "agent": agents,
        "entity": [{"role": "source", "what": {"reference": one}} for one in messages],
    }


def _labelled(found: Concluded) -> Json:
    return {"meta": {"security": [AIAST]}} if by_model(found) else {}
