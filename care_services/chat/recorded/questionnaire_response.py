"""The interview as it went: each question, the member's own words, and how they were read. Pure.

https://hl7.org/fhir/R4/questionnaireresponse.html. The care services' contract, section 7.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.recorded.place import Place, instant
from care_services.triage.rule_set import RuleSet
from care_services.triage.state import State

Json = Any

QUESTIONNAIRE = "Questionnaire/triagem"
"""Below the project's base; its version is that of the rules."""


def questionnaire_response(state: State, encounter: Json, place: Place) -> Json:
    """All that was asked and answered in an episode so far."""
    made: Json = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{place.systems.base}/{QUESTIONNAIRE}|{place.rules.version}",
        "status": "completed",
        "subject": place.subject(state.about),
        "encounter": encounter,
        "authored": instant(place.now),
        "author": {"reference": place.device},
        "source": place.member,
    }
    items = _items(state, place.rules)
    return {**made, "item": items} if items else made


def _items(state: State, rules: RuleSet) -> list[Json]:
    """One for each question, in the order in which they were first answered; none without an answer."""
    found: dict[str, list[str]] = {}
    for id, words in state.answers:
        found.setdefault(id, []).append(words)
    items = []
    for id, answers in found.items():
        given: list[Json] = [{"valueString": words} for words in answers]
        read = _read(id, state)
        if read is not None:
            given[-1] = {**given[-1], "item": [{"linkId": f"{id}.read", "text": "entendido como", "answer": [read]}]}
        items.append({"linkId": id, "text": question(id, rules), "answer": given})
    return items


def _read(id: str, state: State) -> Json | None:
    """How an answer was read, where it was."""
    if id == "age" and "age" in state.facts:
        return {"valueDecimal": round(state.facts["age"], 2)}
    known = state.findings.get(id)
    return None if known is None or known.present is None else {"valueBoolean": known.present}


def question(id: str, rules: RuleSet) -> str:
    """A question as it is asked."""
    if id in rules.findings:
        return rules.findings[id].ask
    return str(rules.screen["text"]) if id == "screen" else rules.texts["M-02" if id == "about" else id]
