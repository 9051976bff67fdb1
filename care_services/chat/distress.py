"""Words of distress: people look at a hand-off sooner, and no level changes by them. Pure.

The care services' contract, section 3. What is a sign of danger is the scanner's, not this module's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from care_services.chat.conversation import Desk
from care_services.chat.keywords import heard_words
from care_services.triage.lexicon import Lexicon
from care_services.triage.normal import words_of
from care_services.triage.rule_set import RuleSet

SOONER: Mapping[str, str] = {"routine": "urgent", "urgent": "asap"}
"""Priority of a Task -> the one it has in distress."""


def sooner(desk: Desk, text: str, rules: RuleSet) -> Desk:
    """Whom to call, sooner where the text is of somebody in distress."""
    return replace(desk, priority=SOONER.get(desk.priority, desk.priority)) if distressed(text, rules) else desk


def distressed(text: str, rules: RuleSet) -> bool:
    """Whether a text has such words."""
    words = words_of(text, rules.spellings)
    return bool(_lexicon().mentions(words.words, words.sentence))


@cache
def _lexicon() -> Lexicon:
    return Lexicon({"distress": heard_words()["distress"].split()})
