"""Whether a reply that a model worded may be shown: it says nothing that the passages it cites do not say. Pure.

The care services' contract, section 8: every sentence cites an approved passage; no number, medicine or disease that is
not in it; links of it alone; at most 600 characters. Else the passage itself is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from care_services.assistance.passages import words_of
from care_services.triage.rule_set import RuleSet

LONGEST = 600
SHARE = 0.75
"""Of the words of four letters and more that stand in what is cited; the rest joins them."""
_LINK = re.compile(
    r"(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|br|net|org|gov|example|io)\b\S*", re.IGNORECASE
)
_NUMERALS = ("zero dois duas tres quatro cinco seis sete oito nove dez onze doze vinte trinta quarenta cinquenta cem "
             "cento mil metade dobro")  # fmt: skip
_PROMISES = ("aprovad", "autorizad", "garant", "fique tranquil", "nao precisa", "nao e grave", "diagnostic", "tome ",
             "gotas", "comprimid", "system", "prompt")  # fmt: skip


def checked(content: str, passages: Mapping[str, str], rules: RuleSet) -> str | None:
    """The reply, or None: it may not be shown. passages: id -> text, as they were given to the model."""
    sentences = _sentences(content, passages)
    if not sentences:
        return None
    whole = " ".join(text for text, _ in sentences)
    if len(whole) > LONGEST or not all(_holds(text, cited, rules) for text, cited in sentences):
        return None
    return whole


def _sentences(content: str, passages: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each sentence with what it cites; none where something is not as it must be."""
    try:
        whole: Any = json.loads(content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(whole, dict) or whole.keys() != {"sentences"} or not isinstance(whole["sentences"], list):
        return []
    found = []
    for one in whole["sentences"]:
        if not isinstance(one, dict) or one.keys() != {"text", "passages"}:
            return []
        text, cited = one["text"], one["passages"]
        if not isinstance(text, str) or not text.strip() or not isinstance(cited, list) or not cited:
            return []
        if not all(isinstance(id, str) and id in passages for id in cited):
            return []
        found.append((text.strip(), " ".join(passages[id] for id in cited)))
    return found


def _holds(text: str, cited: str, rules: RuleSet) -> bool:
    """Whether a sentence says nothing that what it cites does not."""
    words, known = words_of(text), set(words_of(cited))
    if any(one.rstrip(".,;)") not in cited for one in _LINK.findall(text)):
        return False
    plain, source = " ".join(words), " ".join(words_of(cited))
    if any(one in f"{plain} " and one not in f"{source} " for one in _PROMISES):
        return False
    for word in words:
        exact = any(c.isdigit() for c in word) or word in _NUMERALS.split() or rules.lexicon.names(word)
        if exact and word not in known:  # numbers, and words that name a part of the body, a sign, a medicine
            return False
    told = [word for word in words if len(word) >= 4]
    stems = {word[:5] for word in known}
    return not told or sum(word[:5] in stems for word in told) >= SHARE * len(told)
