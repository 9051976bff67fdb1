"""How urgent a text is by itself, at the moment it arrives: an emergency overtakes all others. Pure.

The care services' contract, sections 2 and 6. Who asks for help by one word, or taps a row of the safety screen, means
it; what is denied or past is asked later, in its turn.
"""

from __future__ import annotations

from care_services.chat.keywords import Keyword, keyword
from care_services.triage.doubt import alone
from care_services.triage.levels import LEVELS, stops
from care_services.triage.rule_set import RuleSet


def level_of(text: str, rules: RuleSet, story: str = "", denied: frozenset[str] = frozenset()) -> str:
    """The level of what a text says, nothing else being known. Total: any text has one. `story`: what it is part
    of, else the text itself: in one that sounds everyday some signs are asked first. `denied`: findings that it was
    asked for and denies."""
    if keyword(text) is Keyword.EMERGENCY:
        return LEVELS[-1]
    said = text.strip().casefold()
    rows = {
        code for row in rules.screen["rows"] if row["title"].casefold() == said for code in row["findings"]
    }  # fmt: skip
    return alone(text, rules, story, rows, denied).level


def alarming(text: str, rules: RuleSet) -> bool:
    """Whether that is very urgent at least."""
    return stops(level_of(text, rules))
