"""A general question answered out of approved passages: by a model's words that were checked, or by the passage. Pure.

The care services' contract, sections 3 and 8. What no passage is about, people answer.
"""

from __future__ import annotations

from care_services.assistance.passages import about
from care_services.chat import wording
from care_services.chat.conversation import Say
from care_services.chat.talk import Talk


def answered(talk: Talk) -> bool:
    """Whether the message is answered so; a person is offered with it."""
    found = about(talk.message.text)
    if not found:
        return False
    worded = talk.message.worded
    talk.open()
    shown = wording.options(talk.rules, "general", "general", wording.PERSON, talk.now.turn + 1)
    text = worded.text if worded else found[0].text
    talk.put(Say(f"passage-{found[0].id}", text, shown, worded.by if worded else None))
    return True
