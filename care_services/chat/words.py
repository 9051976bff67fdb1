"""Words that mean something in every state, carried out. Pure. The care services' contract, sections 3 and 9."""

from __future__ import annotations

from care_services.chat import agreeing, clinical, own_data, points, proving, wording
from care_services.chat.conversation import ASKING, EMERGENCY, HUMAN, NEW, Forward
from care_services.chat.keywords import Keyword
from care_services.chat.talk import SERVICE, Talk


def spoken(talk: Talk, word: Keyword) -> None:
    """Does what a word asks for. An emergency is an alarm, and told before."""
    state = talk.now.state
    if word is Keyword.STOP:
        agreeing.stop(talk)
    elif word is Keyword.RETURN:
        agreeing.offer(talk)
    elif word in agreeing.WORDS:
        agreeing.wanted(talk, agreeing.WORDS[word])
    elif word in own_data.WORDS and state != EMERGENCY:
        if state != HUMAN:
            notice(talk)
        own_data.requested(talk, word)
    elif state in (EMERGENCY, HUMAN):
        talk.do(Forward(talk.message.id))
        if word is Keyword.HUMAN:
            talk.say("M-13", minutes="2" if state == EMERGENCY else "60", protocol=talk.protocol)
    elif word is Keyword.HUMAN:
        talk.person(SERVICE)
    elif word is Keyword.SEE:
        if state in ASKING:
            menu(talk)
        else:
            notice(talk)
            proving.want(talk, proving.SEE)
    elif word is Keyword.BALANCE:
        notice(talk)
        if not points.told(talk):
            agreeing.offer(talk, points.JOIN, wording.POINTS)
    elif word is Keyword.MENU:
        menu(talk)
    elif word is Keyword.CANCEL:
        talk.offer("cancel", "cancel", wording.CANCEL)
    elif word is Keyword.WHY:
        clinical.why(talk)
    elif word in (Keyword.NO_MODEL, Keyword.MODEL):
        wanted = word is Keyword.MODEL
        talk.change(model=wanted, model_told=True)
        agreeing.say(talk, ("ai-assistance",), granted=wanted)
        talk.say("model_again" if wanted else "no_model")


def menu(talk: Talk) -> None:
    """What can be asked for; in the midst of an interview first whether to leave it."""
    if talk.now.state in ASKING:
        asked = talk.now.question
        talk.offer("leave_interview", "leave", wording.LEAVE)
        talk.change(question=asked)
        return
    notice(talk)
    talk.open()
    talk.offer("menu", "menu", wording.MENU)


def notice(talk: Talk) -> None:
    """Tells that this is an automated service, if nobody was told."""
    if not talk.now.noticed:
        talk.say("notice")
        talk.change(noticed=True)
    if talk.now.state == NEW:
        talk.open()
