"""What people ask about their own data: acknowledged at once with a protocol, and confirmed by proof if they give one.

Pure. The care services' contract, section 9. It is a Task from the first word on; with the proof it is part of the
Patient's requests, which whoever answers for data protection decides (docs/access.md).
"""

from __future__ import annotations

from care_services.chat import proving
from care_services.chat.conversation import CLINICAL, HUMAN, Desk, Forward
from care_services.chat.keywords import Keyword
from care_services.chat.levels_told import DAY
from care_services.chat.talk import Talk

WORDS = frozenset({Keyword.OWN_DATA, Keyword.ERASE, Keyword.CORRECT})


def requested(talk: Talk, word: Keyword) -> None:
    """Takes a request; the proof is asked for where nothing else is under way."""
    state, proof = talk.now.state, talk.now.proof
    if state == HUMAN:
        talk.do(Forward(talk.message.id))
    talk.do(Desk("data-subject-request", "routine", DAY, word.value))
    talk.change(protocol=talk.protocol)
    talk.say("request_taken", protocol=talk.protocol)
    if proof.proved is None and not proof.over and state not in CLINICAL and state != HUMAN:
        proving.want(talk, proving.REQUEST)
