"""The clinical part of a turn: an alarm, the interview, a level told, and what is said after one. Pure.

The care services' contract, sections 3, 5 and 7. The level of an episode never falls.
"""

from __future__ import annotations

from dataclasses import replace

from care_services.chat import nearest, whom, wording
from care_services.chat.alarm import level_of
from care_services.chat.conversation import (
    ASKING,
    CONCLUDED,
    EMERGENCY,
    HUMAN,
    INTERVIEW,
    MOST_EVIDENCE,
    SAFETY,
    Concluded,
    Desk,
    Forward,
)
from care_services.chat.keywords import plain
from care_services.chat.levels_told import LEVELS_TOLD, SUICIDE
from care_services.chat.talk import MOST, Talk
from care_services.triage.assessment import complaint_of
from care_services.triage.interview import seeing, step
from care_services.triage.levels import LEVELS, highest, stops
from care_services.triage.replies import NONE, told_well
from care_services.triage.scanner import scan
from care_services.triage.state import Question, State

LATE = 6 * 3600
"""Seconds after which an emergency is asked whether it still is one, once it was told."""
AGAIN = ("emergency_again", "emergency_still", "emergency_alone")
"""Texts that repeat what to do in an emergency, in their order."""
_HELPED = frozenset(
    {"ja liguei", "liguei", "ja chamei", "ja chamei o samu", "o samu chegou", "samu chegou", "a ambulancia chegou",
     "ambulancia chegou", "estou no hospital", "ja estou no hospital", "estamos no hospital", "cheguei no hospital",
     "estou no pronto socorro", "estamos no pronto socorro"}
)  # fmt: skip
"""Whole messages that say that help is there."""
CONTACTS, APART, MOST_CONTACTS = 72 * 3600, 3600, 3
"""Seconds in which contacts for the same complaint are counted, and between two of them; the one a person looks at."""
_PERSONAL = ("about", "age", "pregnancy")
"""Questions that are not asked again within an episode."""
_SAFETY = frozenset({*_PERSONAL, "screen"})
_THANKS = frozenset(plain(one) for one in ("obrigado", "obrigada", "muito obrigado", "muito obrigada", "valeu", "ok",
                                           "tá bom", "certo", "entendi"))  # fmt: skip


def alarm(talk: Talk) -> bool:
    """Whether the message is an emergency by itself, which is told before anything else; nothing more to do then."""
    text, now = talk.message.text, talk.now
    # Of several lines each is looked at by itself too: no word of one makes another less urgent.
    told = now.interview.story()
    story = told if now.interview.pending else "\n".join((told, text))
    denied = told_well(now.interview, text, talk.rules) if now.state in ASKING else NONE
    alone = highest(*(level_of(one, talk.rules, story, denied) for one in (text, *_lines(text))))
    if not stops(alone):
        return False
    before = now.interview if now.state in ASKING else _anew(now.interview)
    if _row(talk, text):
        before = replace(before, pending=Question("screen", ""))
    state = step(before, text, talk.rules)
    state = replace(
        state, level=highest(state.level, alone), ruled=highest(state.ruled, alone), pending=None, outcome="level"
    )  # fmt: skip
    talk.change(interview=state, evidence=_evidence(talk))
    known = now.told is not None and LEVELS.index(state.level) <= LEVELS.index(now.told)
    if known and now.state in (EMERGENCY, HUMAN):
        talk.do(Forward(talk.message.id))
        insist(talk)
    elif known and now.state == CONCLUDED:
        _pushback(talk)
    else:
        _conclude(talk)
    return True


def insist(talk: Talk) -> None:
    """What to do in an emergency, once more: at every turn until a professional has taken over, or help is there. In
    other words each time, for no text is sent three times."""
    if talk.now.state != EMERGENCY or talk.now.taken:
        return
    if plain(talk.message.text) in _HELPED:
        talk.change(taken=True, question=None)
        talk.say("emergency_called")
        return
    name = next((one for one in AGAIN if talk.now.said.get(one, 0) < MOST), None)
    if name is not None:
        talk.say(name)


def _lines(text: str) -> list[str]:
    return text.splitlines() if "\n" in text else []


def signs(talk: Talk) -> set[str]:
    """The signs that the message tells of as being there, by rules."""
    heard = scan(talk.message.text, talk.rules)
    return {code for code in heard.present() if talk.rules.findings[code].kind == "sign"}


def administrative(talk: Talk) -> bool:
    """Whether something in the message sounds administrative."""
    return "administrative" in scan(talk.message.text, talk.rules).present()


def denied(talk: Talk) -> set[str]:
    """The signs that the message denies or tells of as past: they are to be asked, and nothing is cleared by that."""
    heard = scan(talk.message.text, talk.rules)
    return {code for code in heard.to_ask() if talk.rules.findings[code].kind == "sign"}


def begin(talk: Talk, text: str) -> None:
    """The interview begins; in an episode that goes on, with what is known and the level so far."""
    _go_on(talk, step(_seeing(talk, _anew(whom.joined(talk))), text, talk.rules))


def answered(talk: Talk) -> None:
    """The message is an answer, or more of the story. Raises Look."""
    if whom.asked(talk):
        whom.named(talk)
        if not signs(talk):
            whom.question(talk)
            return
    _go_on(talk, step(_seeing(talk, whom.joined(talk)), talk.message.text, talk.rules))


def after(talk: Talk) -> None:
    """A message after a level was told: a new sign, thanks, or doubt."""
    state = talk.now.interview
    heard = scan(talk.message.text, talk.rules).present()
    new = {code for code in heard if talk.rules.findings[code].kind == "sign"} - state.present().keys()
    if new and not stops(state.ruled):
        begin(talk, talk.message.text)
    elif plain(talk.message.text) in _THANKS:
        talk.say("thanks")
    elif not nearest.located(talk):
        _pushback(talk)


def why(talk: Talk) -> None:
    """What the level was told by."""
    now = talk.now
    if now.told is None:
        talk.again("nothing_told")
        return
    quotes = (
        "; ".join(f"“{one.quote[:80]}”" for one in now.interview.present().values() if one.quote) or "suas respostas"
    )
    fired = now.interview.fired
    rule = fired[0].title if fired else "de segurança"
    quotes = quotes[:500] or "o que você escreveu"
    talk.offer("M-17", "why", wording.REVIEW, quotes=quotes, rule_title=rule, action=_action(talk, now.told))


def _seeing(talk: Talk, state: State) -> State:
    """With what a model saw in the message, if one was asked."""
    extracted = talk.message.extracted
    return seeing(state, extracted.findings, extracted.by) if extracted else state


def _anew(state: State) -> State:
    """The episode's knowledge and level, nothing asked but what never changes."""
    asked = tuple(one for one in state.asked if one in _PERSONAL)
    return replace(state, pending=None, outcome=None, unread=0, asked=asked)


def _row(talk: Talk, text: str) -> bool:
    said = text.strip().casefold()
    return any(row["title"].casefold() == said for row in talk.rules.screen["rows"])


def _go_on(talk: Talk, state: State) -> None:
    raised = stops(state.level) and not stops(talk.now.interview.level)
    talk.change(interview=state, evidence=_evidence(talk), misunderstood=0)
    if state.outcome is None and raised:  # by a model alone: the questions go on, and a nurse knows by now
        talk.do(replace(LEVELS_TOLD[state.level].desk, reason="a model saw a sign that no rule sees"))
    if state.outcome is None and state.pending is not None:
        talk.change(state=SAFETY if state.pending.id in _SAFETY else INTERVIEW)
        if not whom.asks(talk):
            whom.question(talk)
    else:
        _conclude(talk)


def _evidence(talk: Talk) -> tuple[str, ...]:
    before, message = talk.now.evidence, talk.message
    return before if message.id in before else (*before, *message.earlier, message.id)[-MOST_EVIDENCE:]


def _again(talk: Talk) -> bool:
    """Whether it is the third contact for the same complaint in three days, which a person looks at."""
    state, at = talk.now.interview, talk.message.at
    complaint = complaint_of(state.present(), state.facts, talk.rules)
    name = complaint.id if complaint else ""
    recent = tuple(one for one in talk.now.contacts if at - one[1] < CONTACTS)
    if all(what != name or at - when >= APART for what, when in recent):
        recent = (*recent, (name, at))
    talk.change(contacts=recent)
    return sum(what == name for what, _ in recent) >= MOST_CONTACTS


def _conclude(talk: Talk) -> None:
    """Tells the level, calls whom it needs, leaves it in the record."""
    state, now = talk.now.interview, talk.now
    if _again(talk) and not stops(state.level):
        level = highest(state.level, "urgent")
        state = replace(state, level=level, ruled=highest(state.ruled, level), outcome="person")
        talk.change(interview=state)
    told = LEVELS_TOLD[state.level]
    talk.do(Concluded(state.level, state.fired, state.known(), state.model()), told.desk)
    owned = now.state == HUMAN or state.outcome == "person"
    talk.change(
        state=EMERGENCY if state.level == LEVELS[-1] else HUMAN if owned else CONCLUDED,
        taken=False, told=state.level, told_at=talk.message.at, question=None, misunderstood=0, protocol=talk.protocol,
    )  # fmt: skip
    top = {one.id for one in state.fired if one.level == state.level}
    suicide = "RF15" in top and stops(state.level)
    if not suicide or top - {"RF15"}:
        often = now.said.get(told.text, 0) >= MOST
        if state.level == LEVELS[-1] and often:
            talk.say("emergency_again")
        else:
            slots = _slots(talk, told.text)
            if told.options:
                talk.offer(told.text, "level", told.options, state.level, **slots)
            else:
                talk.say(told.text, **slots)
    if suicide:
        talk.say(SUICIDE)
    if told.where is not None:
        nearest.ask(talk, nearest.GENTLY if suicide else told.where)
    if state.level == LEVELS[-1] and talk.message.received - talk.message.at > LATE:
        talk.offer("late_emergency", "late", wording.LATE)


def _pushback(talk: Talk) -> None:
    told = talk.now.told or talk.now.interview.level
    talk.offer("M-11", "pushback", wording.PERSON, action=_action(talk, told))


def _action(talk: Talk, level: str) -> str:
    return talk.rules.texts[f"action_{level}"]


def _slots(talk: Talk, name: str) -> dict[str, str]:
    """What the slots of a level's text say."""
    known = {
        "protocol": talk.protocol, "warning_signs": talk.rules.texts["warning_signs"], "slot": talk.rules.texts["slot"],
    }  # fmt: skip
    return {slot: value for slot, value in known.items() if f"{{{slot}}}" in talk.rules.texts[name]}


def unheard(talk: Talk) -> None:
    """A voice message or something else that nobody here can read, in a clinical state: a person looks."""
    first = not talk.now.said.get("M-12")
    talk.say("M-12")
    talk.says[-1] = replace(talk.says[-1], text=f"{talk.says[-1].text} {talk.rules.texts['M-12-clinical']}")
    if first and talk.now.state != EMERGENCY:
        talk.do(Desk("nurse-callback", "urgent", 60, "a message that a person must hear or see"))
    talk.do(Forward(talk.message.id))
