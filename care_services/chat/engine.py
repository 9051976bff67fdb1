"""A turn of a conversation: where it stands and a message -> where it stands then, what is said, what is done. Pure.

The care services' contract, section 3, in its order: red flags, then words and buttons, then answers, then the rest. A
message that had its effect has none again. Nothing here knows of channels, records or clocks.
"""

from __future__ import annotations

from dataclasses import replace

from care_services.assistance.asked import told_freely
from care_services.chat import agreeing, clinical, nearest, proving, told, whom, wishes, wording
from care_services.chat.buttons import Button, parse
from care_services.chat.conversation import (
    ADMINISTRATIVE,
    ASKING,
    CLINICAL,
    CONCLUDED,
    EMERGENCY,
    HUMAN,
    KEPT_IDS,
    NEW,
    OPEN,
    PROVING,
    Conversation,
    Forward,
    Inbound,
    Turn,
)
from care_services.chat.keywords import keyword
from care_services.chat.proof import Proof
from care_services.chat.silence import Then
from care_services.chat.talk import NURSE, SERVICE, Talk
from care_services.chat.words import menu, notice, spoken
from care_services.triage.rule_set import RuleSet
from care_services.triage.state import State

EPISODE, TALK, FORGOTTEN = 24 * 3600, 24 * 3600, 180 * 24 * 3600
"""Seconds: an episode after its conclusion; a talk, and a conversation, without a word."""
NO_TURN = frozenset({"reaction", "sticker", "revoke", "system"})
FILES = frozenset({"image", "document", "location"})
"""Kinds without words that people can look at; all other kinds without words are told to be unreadable."""


def turn(before: Conversation, message: Inbound, rules: RuleSet, protocol: str) -> Turn:
    """What a message makes of a conversation. protocol: the number of a request that begins with it.

    Raises Look: something of the record must be known first; the same is asked again with it.
    """
    if message.id in before.seen:
        return Turn(before)
    talk = Talk(_entered(before, message), message, rules, protocol)
    _hear(talk)
    _tell_of_model(talk)
    if message.extracted is not None or told_freely(message):
        talk.change(to_read=message.extracted is None)
    return talk.ended()


def silent(before: Conversation, then: Then, rules: RuleSet, protocol: str, at: int) -> Turn:
    """What a silence makes of it. then: the step that is due. at: seconds since 1970."""
    before = replace(before, silences=before.silences + 1)
    talk = Talk(before, Inbound("", "silence", at, at), rules, protocol)
    if then is Then.REMIND:
        talk.again("remind")
    elif then is Then.NURSE:
        talk.person(replace(NURSE, reason="an interview without answer"))
    else:
        if then is Then.END:
            talk.say("ended")
        talk.change(question=None, protocol=None, given=())
        talk.open()
    return talk.ended()


def given_up(before: Conversation, message: Inbound, rules: RuleSet, protocol: str, *, alarm: bool = True) -> Turn:
    """No turn can be made of a message: a person has the talk; an emergency is told nevertheless. As `turn`.

    alarm: whether it is looked at for an emergency.
    """
    talk = Talk(_entered(before, message), message, rules, protocol)
    if not (alarm and message.text and clinical.alarm(talk)):
        talk.person(replace(SERVICE, reason="a message that could not be worked on"))
    return talk.ended()


def returned(before: Conversation) -> Conversation:
    """A person gives the talk back; the episode is over, which a professional alone can say of an emergency."""
    return replace(
        before, state=OPEN, interview=State(), episode=before.episode + 1, evidence=(), told=None, protocol=None,
        question=None, misunderstood=0, given=(), whom=None, joined=None, where=None,
    )  # fmt: skip


def _entered(before: Conversation, message: Inbound) -> Conversation:
    """The conversation once the message is there: what time has ended is over."""
    quiet = message.at - before.heard if before.heard else 0
    after = replace(
        before, seen=(*before.seen, *message.earlier, message.id)[-KEPT_IDS:], heard=max(before.heard, message.at),
        said={} if quiet > TALK else before.said, silences=0,
    )  # fmt: skip
    if before.state == CONCLUDED and message.at - before.told_at > EPISODE:
        after = returned(after)
    if quiet > FORGOTTEN:  # the number may have become somebody else's
        after = replace(after, proof=Proof(), whom=None, joined=None)
    if quiet > FORGOTTEN and after.state in (OPEN, *ADMINISTRATIVE):
        after = replace(after, state=NEW, noticed=False, question=None)
    return after


def _tell_of_model(talk: Talk) -> None:
    """With the first calm reply the member is told that a model may help, and how to refuse it."""
    now = talk.now
    if talk.message.model and now.model and not now.model_told and talk.says and now.state in (OPEN, *ASKING):
        asked = list(talk.says)
        talk.says.clear()
        talk.say("model_notice")
        talk.says += asked
        talk.change(model_told=True)


def _hear(talk: Talk) -> None:
    message = talk.message
    if message.moved:
        proving.void(talk)
    if message.kind in NO_TURN:
        if message.kind == "system":  # the channel says that a number or an identity changed
            proving.void(talk)
        return
    if message.text and clinical.alarm(talk):
        return
    if message.kind == "edit":  # the message it changes had its turn
        return
    button = parse(message.tapped) if message.tapped else None
    if button is not None:
        _tapped(talk, button)
        return
    word = keyword(message.text) if not message.tapped else None
    if word is not None:
        spoken(talk, word)
    elif message.text:
        _said(talk)
    else:
        _wordless(talk)


def _tapped(talk: Talk, button: Button) -> None:
    state = talk.now.state
    if button.flow == agreeing.FLOW:  # a yes to what stands above it, whatever else is under way
        agreeing.tapped(talk, button.answer)
    elif state == EMERGENCY:  # nobody in an emergency is told that a button is old
        talk.do(Forward(talk.message.id))
        if button.flow == "level" and button.answer in ("called", "cannot-call"):
            if button.answer == "called":
                talk.change(taken=True, question=None)
                talk.say("emergency_called")
            else:
                talk.ask(nearest.ADDRESS)
    elif state == HUMAN:
        talk.do(Forward(talk.message.id))
    elif button.stale(talk.now.turn):
        talk.again("old_button")
    elif button.flow == "ask" and state in ASKING:
        clinical.answered(talk)
    elif button.flow == "whom" and state in ASKING:
        whom.chosen(talk, button.answer)
    else:
        _chosen(talk, button)


def _chosen(talk: Talk, button: Button) -> None:
    """A button that is no answer of the interview."""
    match button.flow, button.answer:
        case "menu", "symptom":
            clinical.begin(talk, "")
        case "menu", "other":
            talk.offer("other", "menu", wording.OTHER)
        case "menu", ("authorization" | "appointment" | "medication" | "general") as flow:
            wishes.enter(talk, flow)
        case "level", ("book" | "book-other"):
            talk.person(replace(SERVICE, reason="appointment"))
        case "leave", "leave":
            talk.do(talk.unfinished(replace(NURSE, reason="left the interview")))
            talk.open()
            talk.offer("menu", "menu", wording.MENU)
        case "cancel", "stop":
            agreeing.stop(talk)
        case "cancel", "request":
            talk.person(replace(SERVICE, reason="cancels a request"))
        case "why", "review":
            talk.person(replace(NURSE, minutes=24 * 60, reason="asks for a review of an automated result"))
        case "told", "review":
            told.review(talk)
        case (_, "human"):
            talk.person(SERVICE)
        case "leave" | "cancel", _ if talk.now.state in ASKING:
            talk.again()
        case _:
            menu(talk)


def _said(talk: Talk) -> None:
    """Words that are no alarm, no button and no word with a meaning of its own."""
    state = talk.now.state
    if state in (EMERGENCY, HUMAN):
        talk.do(Forward(talk.message.id))
        clinical.insist(talk)
        nearest.located(talk)
    elif state in CLINICAL and wishes.interrupts(talk):
        return
    elif state in ASKING:
        clinical.answered(talk)
    elif state == CONCLUDED:
        clinical.after(talk)
    elif state == PROVING:
        proving.answered(talk)
    else:
        wishes.wished(talk)


def _wordless(talk: Talk) -> None:
    """A file, a voice message, a place, something unknown."""
    state, file = talk.now.state, talk.message.kind in FILES
    if nearest.located(talk) or state == HUMAN or (state == EMERGENCY and file):
        talk.do(Forward(talk.message.id))
    elif state in CLINICAL:
        if file:
            talk.do(Forward(talk.message.id))
            talk.again()
        else:
            clinical.unheard(talk)
    elif state == PROVING:
        talk.again()
    elif state in ADMINISTRATIVE and file:  # the picture of an order, say
        wishes.done(talk, state)
    elif not file:
        notice(talk)
        talk.say("M-12")
    elif state == NEW:
        wishes.welcome(talk)
    else:
        wishes.not_understood(talk)
