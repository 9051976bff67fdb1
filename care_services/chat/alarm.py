"""How urgent a text is by itself, at the moment it arrives: an emergency overtakes all others. Pure.

The care services' contract, sections 2 and 6. Who asks for help by one word, or taps a row of the safety screen, means
it; what is denied or past is asked later, in its turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

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
    tapped = _rows(rules).get(text.strip().casefold(), ())
    return alone(text, rules, story, tapped, denied).level


@cache
def _rows(rules: RuleSet) -> Mapping[str, Sequence[str]]:
    """Rows of the safety screen, as they are typed, and what each states."""
    return {row["title"].casefold(): row["findings"] for row in rules.screen["rows"]}


def alarming(text: str, rules: RuleSet) -> bool:
    """Whether that is very urgent at least."""
    return stops(level_of(text, rules))
