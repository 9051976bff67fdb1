"""What a member wants who writes freely, and what is done about it. Pure. Care services' contract, section 3, intents.

The classifier proposes and this decides: below LEAST, or with two wishes within APART, it is asked with buttons. What
the rules of triage call a sign comes before every other wish, which is kept for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from care_services.chat import clinical, general, wording
from care_services.chat.conversation import (
    ADMINISTRATIVE,
    APPOINTMENT,
    AUTHORIZATION,
    CONCLUDED,
    GENERAL,
    KEPT_GIVEN,
    MEDICATION,
    NEW,
    Say,
)
from care_services.chat.medication import PHARMACIST, desk_of
from care_services.chat.talk import SERVICE, Talk
from care_services.chat.words import menu, notice
from care_services.entities.reading import entities
from care_services.intent.model import model
from care_services.triage.scanner import scan

LEAST, APART = 0.60, 0.10
"""Probability below which a wish is asked for; distance to the next below which too."""
SURE = 0.90
"""Probability at which a wish interrupts what is under way."""
MAYBE_CLINICAL = 0.20
"""Probability of a symptom from which it is one, where nothing sounds administrative."""
LIKELY = 0.75
"""Probability of a symptom from which a part of an administrative text is a story."""
FOREIGN = 0.80
"""Probability below which nobody is told that their story is none of ours."""
GIBBERISH = 0.35
"""The best guess below which nothing is offered but the menu."""
OF_MEDICINES = frozenset({"medicine_problem"})
"""What every question on medicines names; their own rules decide there (`medication.py`)."""
MISUNDERSTOOD = 3
"""The time somebody is not understood at which a person takes over."""
SYMPTOM, PERSON, GREETING, THANKS = "symptom_report", "human_request", "greeting", "thanks"
FLOWS = {
    "authorization_request": AUTHORIZATION, "appointment_booking": APPOINTMENT, "medication_question": MEDICATION,
    "general_inquiry": GENERAL,
}  # fmt: skip
DESKS = {
    AUTHORIZATION: replace(SERVICE, reason="authorization"),
    APPOINTMENT: replace(SERVICE, reason="appointment"),
    MEDICATION: PHARMACIST,
    GENERAL: replace(SERVICE, reason="general"),
}
_NAMED = frozenset({"authorization_request", "appointment_booking", "general_inquiry"})
"""Wishes that a text has to have a word for."""
_ENOUGH = {
    AUTHORIZATION: {"protocol"}, APPOINTMENT: {"specialty", "exam", "procedure", "protocol"}, MEDICATION: {"medicine"},
}  # fmt: skip
"""What somebody who writes it need not be asked for."""
_ZONE = timezone(timedelta(hours=-3))
_STORY = 5
"""Words that a part of a text has at least to be a story."""
_PARTS = re.compile(r"[.!?;,\n]+|\b(?:e|mas|porque|pq|pois|também|tbm|tb|além disso|aproveitando|outra coisa)\b", re.I)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a text wants."""

    intent: str
    """The likeliest."""
    probability: float
    among: tuple[str, ...]
    """What else may be meant with it, likeliest first; the likeliest alone where it is clear."""

    @property
    def clear(self) -> bool:
        """Whether it need not be asked."""
        return len(self.among) == 1


def wish(likely: Mapping[str, float]) -> Wish:
    """What probabilities of intents say."""
    ranked = sorted(likely, key=lambda intent: -likely[intent])
    first = ranked[0]
    near = tuple(one for one in ranked if likely[first] - likely[one] <= APART)
    if likely[first] < LEAST:
        near = tuple(ranked[: max(2, len(near))])
    return Wish(first, likely[first], near)


def wished(talk: Talk) -> None:
    """Free words, where no interview is under way and no level was told: a flow, a person, the menu, or a question."""
    text, state = talk.message.text, talk.now.state
    likely = model().probabilities(text)
    found, signs = wish(likely), clinical.signs(talk)
    if found.clear and found.intent == "medication_question":
        signs -= OF_MEDICINES
    _remember(talk)
    if signs or (state not in ADMINISTRATIVE and _clinical(talk, found, likely[SYMPTOM])):
        _clinical_first(talk, found, text)
    elif state not in ADMINISTRATIVE and _seen(talk, found):
        _clinical_first(talk, found, "")  # as if the menu's "Tenho um sintoma" were tapped
    elif state in ADMINISTRATIVE:
        _answer(talk, found)
    elif not found.clear:
        _unclear(talk, found)
    elif found.intent in FLOWS:
        if found.intent not in _NAMED or _named(talk):
            notice(talk)
            begin(talk, FLOWS[found.intent])
        else:
            _unclear(talk, found)
    elif found.intent == PERSON:
        notice(talk)
        talk.person(SERVICE)
    elif found.intent == THANKS:
        talk.say("thanks")
    elif state == NEW:
        welcome(talk)
    elif found.intent == GREETING:
        menu(talk)
    elif found.probability < FOREIGN:
        not_understood(talk)
    else:
        _again(talk, Say("out_of_scope", wording.text(talk.rules, "out_of_scope")))


def _named(talk: Talk) -> bool:
    """Whether a text has a word for an administrative matter or for something mild.

    A story that the rules know nothing of may be anything: a classifier alone does not send it past the safety screen.
    """
    return not scan(talk.message.text, talk.rules).present().keys().isdisjoint(("administrative", "mild_story"))


def interrupts(talk: Talk) -> bool:
    """Whether words in an interview, or after a level, ask for something else; that is done then."""
    text, state = talk.message.text, talk.now.state
    if clinical.signs(talk):
        return False
    found = wish(model().probabilities(text))
    if found.probability < SURE:
        return False
    if found.intent == PERSON:
        talk.person(SERVICE)
        return True
    if state == CONCLUDED and found.intent in FLOWS:
        _keep(talk, FLOWS[found.intent])
        return True
    return False


def enter(talk: Talk, flow: str) -> None:
    """An administrative flow that was chosen: asks what it needs to know."""
    named = flow == AUTHORIZATION and not _given(talk).isdisjoint({"exam", "procedure"})
    name = "ask_authorization_order" if named else f"ask_{flow}"
    talk.change(state=flow, misunderstood=0, protocol=talk.protocol)
    talk.put(Say(name, wording.text(talk.rules, name, protocol=talk.protocol)))


def begin(talk: Talk, flow: str) -> None:
    """A flow that was written for: what is needed may be written with it."""
    enough = flow == GENERAL or not _given(talk).isdisjoint(_ENOUGH[flow])
    if enough or (flow == MEDICATION and desk_of(talk.message.text, talk.rules) != PHARMACIST):
        done(talk, flow)
    else:
        enter(talk, flow)


def done(talk: Talk, flow: str) -> None:
    """A flow has what it needs: people go on with it; of a medicine, the safety screen comes first where it must."""
    desk = DESKS[flow]
    if flow == GENERAL and talk.message.text and general.answered(talk):
        return
    if flow == MEDICATION and talk.message.text:
        asked = desk_of(talk.message.text, talk.rules)
        if asked is None:
            talk.do(desk)
            clinical.begin(talk, talk.message.text)
            return
        desk = asked
    talk.person(desk)


def welcome(talk: Talk) -> None:
    """First contact, without a wish."""
    talk.change(noticed=True)
    talk.open()
    talk.offer("M-01", "menu", wording.MENU)


def not_understood(talk: Talk) -> None:
    """Nobody knows what is wanted: the menu, and a person at the third time."""
    _again(talk, Say("menu_again", wording.text(talk.rules, "menu_again")))


def _seen(talk: Talk, found: Wish) -> bool:
    """Whether a model takes for a symptom what the rules do not: where the wish is not clear, or there is a sign beside
    an administrative one. Who asks for a person has one."""
    seen = talk.message.extracted
    if seen is None:
        return False
    beside = found.intent in FLOWS and FLOWS[found.intent] != MEDICATION
    return bool(seen.findings) and beside if found.clear else bool(seen.findings) or seen.symptom


def _clinical(talk: Talk, found: Wish, symptom: float) -> bool:
    """Whether a text without a sign is a story about health nevertheless: the interview asks what it means."""
    if clinical.denied(talk):
        return True
    if found.clear and found.intent in (SYMPTOM, PERSON):
        return found.intent == SYMPTOM
    return (symptom >= MAYBE_CLINICAL and not clinical.administrative(talk)) or _told_beside(talk)


def _told_beside(talk: Talk) -> bool:
    """Whether a part of an administrative text tells a story of its own: nothing in it is administrative or mild, the
    classifier takes it for a symptom, and it points to a part of the body or a thing of risk."""
    for part in _PARTS.split(talk.message.text):
        named = scan(part, talk.rules).present().keys()
        if (
            len(part.split()) >= _STORY
            and any(code.startswith(("region_", "near_")) for code in named)
            and named.isdisjoint(("administrative", "mild_story"))
            and model().probabilities(part)[SYMPTOM] >= LIKELY
        ):
            return True
    return False


def _clinical_first(talk: Talk, found: Wish, story: str) -> None:
    state = talk.now.state
    if not talk.now.noticed:
        notice(talk)
    if state in ADMINISTRATIVE:
        _keep(talk, state)
    else:
        flow = _other(talk.message.text, found)
        if flow:
            _keep(talk, flow)
    clinical.begin(talk, story)


def _other(text: str, found: Wish) -> str | None:
    """The administrative wish beside a clinical one: of the whole, or of a part of it."""
    if found.clear and found.intent in FLOWS:
        return FLOWS[found.intent]
    for part in _PARTS.split(text):
        if len(part.split()) > 2:
            one = wish(model().probabilities(part))
            if one.intent in FLOWS and one.probability >= SURE:
                return FLOWS[one.intent]
    return None


def _keep(talk: Talk, flow: str) -> None:
    """Another wish goes to people, and the talk stays where it is."""
    talk.do(DESKS[flow])
    talk.change(protocol=talk.protocol)
    talk.say("kept", protocol=talk.protocol)


def _answer(talk: Talk, found: Wish) -> None:
    """What somebody writes who was asked what a flow needs."""
    state = talk.now.state
    sure = found.probability >= SURE
    if sure and found.intent == THANKS:
        talk.say("thanks")
    elif sure and FLOWS.get(found.intent, state) != state and len(talk.message.text.split()) > 3:
        talk.change(protocol=None)
        begin(talk, FLOWS[found.intent])
    else:
        done(talk, state)


def _unclear(talk: Talk, found: Wish) -> None:
    """It is asked which of the likeliest is meant."""
    if talk.now.state == NEW:
        welcome(talk)
        return
    choices = [wording.WISHES[one] for one in found.among if one in wording.WISHES][:3]
    if found.probability < GIBBERISH or len(choices) < 2:
        not_understood(talk)
    else:
        _again(talk, Say("which", wording.text(talk.rules, "which")), choices)


def _again(talk: Talk, say: Say, choices: list[tuple[str, str]] | None = None) -> None:
    count = talk.now.misunderstood + 1
    talk.change(misunderstood=count)
    if count >= MISUNDERSTOOD:
        talk.person(replace(SERVICE, reason="was not understood"))
    else:
        talk.offer(say.name, "menu", choices or wording.MENU)


def _remember(talk: Talk) -> None:
    """What the text names stays known until the flow ends, and goes into its Task."""
    day = datetime.fromtimestamp(talk.message.at, UTC).astimezone(_ZONE).date()
    named = tuple((one.kind, one.value) for one in entities(talk.message.text, day))
    talk.change(given=tuple(dict.fromkeys((*talk.now.given, *named)))[-KEPT_GIVEN:])


def _given(talk: Talk) -> set[str]:
    return {kind for kind, _ in talk.now.given}
