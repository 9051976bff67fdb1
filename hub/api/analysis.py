"""What the rules make of a text, for other systems: a level with its reasons, and what a text names and wants.

The same rules, questions and classifier as the conversations' (`care_services/triage`, `entities`, `intent`); no model
of language is asked. Nothing is stored or logged, and no record is read: that is why it has a scope of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from care_services.chat.alarm import alarming, level_of
from care_services.chat.distress import distressed
from care_services.chat.wishes import wish
from care_services.entities.reading import entities
from care_services.intent.model import EMERGENCY, intent_of, model
from care_services.triage.assessment import Fired
from care_services.triage.doubt import alone
from care_services.triage.interview import step
from care_services.triage.levels import LEVELS, highest, stops
from care_services.triage.measures import worse
from care_services.triage.normal import words_of
from care_services.triage.person import YEAR, age_facts
from care_services.triage.rule_set import RuleSet, rules
from care_services.triage.scanner import LONGEST
from care_services.triage.state import Known, State
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Forbidden
from hub.api.asked import Asked, answer, choice, members, text, wrong
from smart_auth.roles import ANALYSING
from smart_auth.scopes import ANALYSIS, Access

Json = Any

ZONE = ZoneInfo("America/Sao_Paulo")
"""Of "amanhã", where the day is not said."""
MOST_ANSWERS, MOST_ANSWER = 60, 1000
OLDEST = 130
PROFESSIONALS = frozenset(ANALYSING)


def permit(access: Access) -> None:
    """Raises Forbidden: it is for services that were registered for it, and for people who treat people."""
    if access.unrestricted:
        return
    levels = {one.level for one in access.administers if one.type == ANALYSIS and "r" in one.permissions}
    if "system" not in levels and not ("user" in levels and not PROFESSIONALS.isdisjoint(access.roles)):
        raise Forbidden(
            f"this needs the scope system/{ANALYSIS}.r, or user/{ANALYSIS}.r and the role of a professional"
        )


async def analyze_symptom(request: Asked) -> FhirResponse:
    """The level of a story, by rules alone. Raises FhirError."""
    permit(request.access)
    request.parameters()
    asked = request.document("text", "person", "answers")
    story = text(asked, "text", "text", LONGEST, lines=True)
    person, answers = person_of(asked.get("person", {})), _answers(asked.get("answers", []))
    return answer(await asyncio.to_thread(analyzed, story, person, answers))


async def extract_entities(request: Asked) -> FhirResponse:
    """What a text names, and what it wants. Raises FhirError."""
    permit(request.access)
    request.parameters()
    asked = request.document("text", "today")
    said, today = text(asked, "text", "text", LONGEST, lines=True), request.now.astimezone(ZONE).date()
    if "today" in asked:
        try:
            today = date.fromisoformat(asked["today"])
        except (TypeError, ValueError):
            raise wrong("today", "a date such as 2026-03-10") from None
    return answer(await asyncio.to_thread(extracted, said, today))


def person_of(given: Json) -> State:
    """The interview as it begins with what is known. Raises Invalid, Unprocessable."""
    person = members(given, "person", "about", "age", "sex", "pregnant")
    state, asked = State(), []
    if "about" in person:
        state = replace(state, about=choice(person, "about", ("self", "child", "other"), where="person.about"))
    if "sex" in person:
        state = replace(state, sex=choice(person, "sex", ("F", "M"), where="person.sex"))
    if "age" in person:
        age = person["age"]
        if isinstance(age, bool) or not isinstance(age, (int, float, Decimal)) or not 0 <= age <= OLDEST:
            raise wrong("person.age", f"years, a number from 0 to {OLDEST}")
        state = replace(state, facts=worse(state.facts, age_facts(float(age) * YEAR)))
        asked.append("age")
    if "pregnant" in person:
        if not isinstance(person["pregnant"], bool):
            raise wrong("person.pregnant", "true or false")
        state = replace(state, findings={"pregnant": Known(person["pregnant"], "stated", "")})
        asked.append("pregnancy")
    return replace(state, asked=tuple(asked))


def _answers(given: Json) -> list[tuple[str, str]]:
    if not isinstance(given, list) or len(given) > MOST_ANSWERS:
        raise wrong("answers", f"a list of at most {MOST_ANSWERS}")
    found = []
    for at, one in enumerate(given):
        where = f"answers[{at}]"
        told = members(one, where, "question", "text")
        question = text(told, "question", f"{where}.question", 100)
        found.append((question, text(told, "text", f"{where}.text", MOST_ANSWER, lines=True)))
    return found


def analyzed(story: str, begun: State, answers: Sequence[tuple[str, str]]) -> Json:
    """The level of a story and of the answers given since, and what is asked next. begun: with what is known of the
    person. Raises Unprocessable: an answer to what was not asked."""
    using = rules()
    state = step(begun, story, using)
    for at, (question, said) in enumerate(answers):
        if state.pending is None or state.pending.id != question:
            raise wrong(f"answers[{at}].question", "is not what is asked next after what stands before it", "invariant")
        state = step(state, said, using)
    fired = list(state.fired)
    for one in (story, *(said for _, said in answers)):
        for part in dict.fromkeys((one, *one.splitlines())):  # no line makes another less urgent
            fired += [rule for rule in _alone(part, using, state.story()) if rule not in fired]
    fired.sort(key=lambda rule: -LEVELS.index(rule.level))
    level = highest(state.level, *(rule.level for rule in fired))
    pending = None if stops(level) else state.pending
    return {
        "level": level,
        "final": pending is None,
        "outcome": None if pending else "person" if state.outcome == "person" and not stops(level) else "level",
        "findings": [
            {"code": code, "source": known.source, "quote": known.quote} for code, known in state.present().items()
        ],
        "facts": {name: round(float(value), 3) for name, value in state.facts.items()},
        "rules": [
            {"id": one.id, "title": one.title, "level": one.level, "because": list(one.because)} for one in fired
        ],
        "toAsk": [code for code in state.to_ask if code not in state.asked] if pending else [],
        "next": None if pending is None else {
            "question": pending.id, "text": pending.text, "options": list(pending.rows)
        },
        "ruleSet": rule_set(using),
    }  # fmt: skip


def _alone(text: str, using: RuleSet, story: str) -> list[Fired]:
    """The rules by which a text is urgent by itself, as those of a message of that story that has just come."""
    level = level_of(text, using, story)
    found = [one for one in alone(text, using, story).fired if stops(one.level)]
    if stops(level) and level not in (one.level for one in found):
        found.append(Fired("alarm", "palavra ou opção que por si só pede ajuda", level, ()))
    return found


def extracted(said: str, today: date) -> Json:
    """What a text names and wants. today: of the member."""
    using = rules()
    words = words_of(said[:LONGEST], using.spellings)
    likely: Mapping[str, float] = model().probabilities(said)
    found = wish(likely)
    urgent = intent_of(said) == EMERGENCY or alarming(said, using)
    ranked = sorted(likely, key=lambda name: -likely[name])[:3]
    return {
        "entities": [
            {"kind": one.kind, "value": one.value, "quote": words.quote(one.first, one.end)}
            for one in entities(said, today)
        ],
        "intent": {
            "name": EMERGENCY if urgent else found.intent,
            "probability": 1.0 if urgent else round(found.probability, 4),
            "by": "rules" if urgent else "classifier",
            "clear": urgent or found.clear,
            "likely": [{"name": name, "probability": round(likely[name], 4)} for name in ranked],
        },
        "sentiment": {"distressed": distressed(said, using)},
        "ruleSet": rule_set(using),
    }  # fmt: skip


def rule_set(using: RuleSet) -> Json:
    """Which rules these were."""
    return {"version": using.version, "status": using.status, "digest": using.digest, "signed": bool(using.signature)}
