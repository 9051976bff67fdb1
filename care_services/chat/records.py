"""What a turn leaves in the record: one transaction, or nothing. Pure. The care services' contract, section 7.

Each resource has a module in `recorded`; here they are joined, with what refers to what.
"""

from __future__ import annotations

from typing import Any

from care_services.chat.conversation import HUMAN, Booked, Choice, Concluded, Desk, Located, Turn
from care_services.chat.levels_told import LEVELS_TOLD
from care_services.chat.recorded import conversation
from care_services.chat.recorded.appointment import appointment
from care_services.chat.recorded.attributed import subject_added
from care_services.chat.recorded.communication_request import check_in, said
from care_services.chat.recorded.consent import consent
from care_services.chat.recorded.encounter import episode
from care_services.chat.recorded.observation import observations
from care_services.chat.recorded.place import Place, created, link, once, posted
from care_services.chat.recorded.questionnaire_response import questionnaire_response
from care_services.chat.recorded.risk_assessment import flag, provenance, risk_assessment
from care_services.chat.recorded.task import located, task
from care_services.healthpoints import EVENT, basic

Json = Any


def entries(turn: Turn, state: str, place: Place) -> list[Json]:
    """The entries of the transaction. state: the conversation, as it is stored."""
    place = place.identified(turn.conversation.proof.proved, turn.conversation.whom)
    encounter, found = episode(turn, place)
    found.insert(0, conversation.changed(turn.conversation.state, state, encounter, place))
    made: dict[str, Json] = {}
    for number, effect in enumerate(turn.effects):
        if isinstance(effect, Concluded) and encounter is not None:
            concluded, made = _concluded(effect, turn, encounter, place, number)
            found += concluded
    focus = {"reference": encounter["reference"]} if encounter else {"reference": place.message}
    for number, effect in enumerate(turn.effects):
        if isinstance(effect, Desk):
            about = {"reference": effect.focus} if effect.focus else focus
            found.append(once(task(effect, turn, about, made, place), place, f"task-{number}"))
        elif isinstance(effect, Located):
            found.append(located(effect, place.systems))
        elif isinstance(effect, Choice):
            found.append(consent(effect, place))
        elif isinstance(effect, Booked):
            event = effect.entry.event
            found.append(created(basic(effect.entry, place.member, place.systems), place.systems.sid(EVENT), event))
    whose = place.subject(turn.conversation.interview.about).get("reference")
    if whose and place.message.endswith(f"/{place.event}"):  # a silence writes nothing
        for message in (*(f"Communication/{one}" for one in place.earlier), place.message):
            found.append(subject_added(message, "subject", whose))
    if turn.says:
        where = focus if encounter else None
        found.append(once(said(turn.says, turn.conversation.told, where, place), place, "says"))
    return found


def _concluded(
    found: Concluded, turn: Turn, episode: Json, place: Place, number: int
) -> tuple[list[Json], dict[str, Json]]:  # fmt: skip
    """The entries of a conclusion, and references to what people should see of it."""
    state, encounter = turn.conversation.interview, {"reference": episode["reference"]}
    messages = [f"Communication/{one}" for one in turn.conversation.evidence] or [place.message]
    answers = once(questionnaire_response(state, encounter, place), place, f"answers-{number}")
    entries = [answers]
    system = place.systems.sid("conversa-efeito")
    for name, one in observations(state, encounter, link(answers), place):
        value = f"{episode['identifier']['value']}.{name}"  # once in an episode, however often a level is told
        entries.append(created({**one, "identifier": [{"system": system, "value": value}]}, system, value))
    risk = risk_assessment(found, state.about, encounter, link(answers), messages, place)
    entries.append(assessment := once(risk, place, f"risk-{number}"))
    if found.flagged:
        entries.append(once(flag(found, state.about, encounter, place), place, f"flag-{number}"))
    told = LEVELS_TOLD[found.level]
    if told.appointment:
        proposed = appointment(found.level, state.about, link(assessment), place)
        entries.append(once(proposed, place, f"appointment-{number}"))
    if told.check_in is not None and turn.conversation.state != HUMAN:
        asked = check_in(found.level, told.check_in, encounter, place)
        entries.append(once(asked, place, f"check-in-{number}"))
    entries.append(posted(provenance(found, [link(one) for one in entries], messages, place), place))
    return entries, {"answers": link(answers), "assessment": link(assessment)}
