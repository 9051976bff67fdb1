"""Whether a model is asked about a message: before rules read it, and never before an emergency. Pure.

The care services' contract, sections 1 and 8: for findings in the states open, safety and interview alone, for a reply
in general; never of a message that is an alarm by itself, never against the member's will, or before they were told.
"""

from __future__ import annotations

from care_services.assistance.passages import about
from care_services.chat.alarm import alarming
from care_services.chat.conversation import ASKING, GENERAL, INTERVIEW, OPEN, SAFETY, Conversation, Inbound
from care_services.chat.keywords import keyword
from care_services.triage.rule_set import RuleSet

STATES = frozenset({OPEN, SAFETY, INTERVIEW})
LEAST_WORDS = 3
"""Less is an answer that rules read: a yes, a number, an age."""


def extracting(conversation: Conversation, message: Inbound, rules: RuleSet) -> bool:
    """Whether findings are asked for: of free words, or of those before that no model has read."""
    late = conversation.to_read and conversation.state in ASKING
    return conversation.state in STATES and (told_freely(message) or late) and _may(conversation, message, rules)


def told_freely(message: Inbound) -> bool:
    """Whether a message is more than an answer that rules read."""
    return message.tapped is None and len(message.text.split()) >= LEAST_WORDS


def phrasing(conversation: Conversation, message: Inbound, rules: RuleSet) -> bool:
    """Whether a reply is asked for: to a general question that passages are about."""
    asked = conversation.state == GENERAL and told_freely(message) and bool(about(message.text))
    return asked and _may(conversation, message, rules)


def hearing(conversation: Conversation) -> bool:
    """Whether a voice message may be given to a model."""
    return conversation.model and conversation.model_told


def _may(conversation: Conversation, message: Inbound, rules: RuleSet) -> bool:
    return (
        conversation.model
        and conversation.model_told
        and message.id not in conversation.seen
        and message.kind != "edit"
        and bool(message.text)
        and keyword(message.text) is None
        and not alarming(message.text, rules)
    )
