"""What is done about a question on medicines. Pure. The care services' contract, section 3.

Reaction, overdose, pregnancy, baby, chest or breath words: the safety screen. A dose taken wrongly: a nurse, urgently.
Stock, delivery and renewal: the service desk. The rest: a pharmacist.
"""

from __future__ import annotations

from functools import cache

from care_services.chat.conversation import Desk
from care_services.chat.keywords import heard_words
from care_services.chat.talk import SERVICE
from care_services.triage.lexicon import Lexicon
from care_services.triage.normal import words_of
from care_services.triage.rule_set import RuleSet

PHARMACIST = Desk("pharmacist", "routine", 60, "medication")
WRONG_DOSE = Desk("nurse-callback", "urgent", 60, "a dose taken wrongly")
SUPPLY = Desk(SERVICE.code, SERVICE.priority, SERVICE.minutes, "medication: stock, delivery or renewal")


def desk_of(text: str, rules: RuleSet) -> Desk | None:
    """Whom a question on medicines goes to; None: the safety screen comes first."""
    words = words_of(text, rules.spellings)
    found = _lexicon().mentions(words.words, words.sentence)
    if "safety" in found:
        return None
    if "wrong" in found and "taken" in found:
        return WRONG_DOSE
    return SUPPLY if "supply" in found else PHARMACIST


@cache
def _lexicon() -> Lexicon:
    return Lexicon({name: words.split() for name, words in heard_words()["medication"].items()})
