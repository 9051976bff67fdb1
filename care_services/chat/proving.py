"""Proof of who writes, where something that is wanted needs it. Pure. The care services' contract, section 2.

The words are the same whether there is no such member or what was written is wrong. Tries count in the conversation,
whatever is wanted; after the third a person sees to it, and for a day nothing is tried again.
"""

from __future__ import annotations

from dataclasses import replace

from care_services.chat import clinical, told
from care_services.chat.conversation import CONCLUDED, OPEN, PROVING
from care_services.chat.known import CANDIDATES, Look
from care_services.chat.proof import Proof, birth_date, said
from care_services.chat.talk import SERVICE, Talk

SEE, REQUEST = "see", "request"
"""What is wanted: details of an authorization; that a request about one's own data is known to be one's own."""
LOCKED = 24 * 3600
"""Seconds after the last of three failures."""


def want(talk: Talk, wanted: str) -> None:
    """Does what is wanted, once it is proved who wants it."""
    proof = talk.now.proof
    if proof.over and talk.message.at - proof.failed_at > LOCKED:
        proof = Proof()
    talk.change(wanted=wanted, proof=replace(proof, born=None), misunderstood=0)
    if proof.proved:
        _go_on(talk)
    elif proof.over:
        talk.person(replace(SERVICE, reason="could not prove who they are"))
    else:
        resumes = talk.now.state if talk.now.state == CONCLUDED else OPEN
        talk.change(state=PROVING, resumes=resumes)
        talk.ask("proof_born")


def answered(talk: Talk) -> None:
    """The message is a birth date or digits; a sign in it comes first. Raises Look."""
    before, text = talk.now.proof, talk.message.text
    if clinical.signs(talk) and birth_date(text) is None:
        clinical.begin(talk, text)
        return
    candidates = talk.message.found.candidates
    if candidates is None:
        raise Look(CANDIDATES)
    after = said(before, text, candidates)
    if after.failed > before.failed:
        after = replace(after, failed_at=talk.message.at)
    talk.change(proof=after)
    if after.proved:
        _go_on(talk)
    elif after.over:
        talk.person(replace(SERVICE, reason="could not prove who they are"))
    else:
        again = "_again" if after.failed else ""
        talk.ask(f"proof_born{again}" if after.born is None else f"proof_last{again}")


def void(talk: Talk) -> None:
    """The number may be somebody else's now."""
    talk.change(proof=Proof(failed=talk.now.proof.failed, failed_at=talk.now.proof.failed_at), whom=None, joined=None)
    if talk.now.state == PROVING:
        talk.open()


def _go_on(talk: Talk) -> None:
    wanted, state = talk.now.wanted, talk.now.state
    talk.change(wanted=None, question=None, misunderstood=0, state=talk.now.resumes if state == PROVING else state)
    if wanted == SEE:
        told.see(talk)
    elif wanted == REQUEST:
        talk.say("request_confirmed", protocol=talk.protocol)
