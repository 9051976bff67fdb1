"""Whether a text may tell of an emergency, at the moment it arrives: it then overtakes all others. Pure.

The care services' contract, sections 2 and 6. Who asks for help by one word, or taps a row of the safety screen, means
it; what is denied or past is asked later, in its turn.
"""

from __future__ import annotations

from care_services.chat.keywords import Keyword, keyword
from care_services.triage.assessment import assess
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import scan


def alarming(text: str, rules: RuleSet) -> bool:
    """Whether what a text says by itself is at least very urgent. Total: any text has an answer."""
    if keyword(text) is Keyword.EMERGENCY:
        return True
    heard, said = scan(text, rules), text.strip().casefold()
    rows = {
        code for row in rules.screen["rows"] if row["title"].casefold() == said for code in row["findings"]
    }  # fmt: skip
    return assess({*heard.present(), *rows}, heard.facts, rules).stops
