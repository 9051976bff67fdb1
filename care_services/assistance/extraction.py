"""What of a model's extraction counts: each finding that is well-formed, known, and quotes what was written. Pure.

The care services' contract, section 8. Whatever the content is, this has an answer. `no` and `unknown` are let go of:
who may say no is the member alone. Age, pregnancy and about whom are asked by the interview always; a model's word
lowers and spares nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from care_services.chat.conversation import Extracted

MOST = 15
"""Findings of one answer; one that says yes to more says it of everything, and none of it counts."""
_TOP = {
    "about_whom": (str, type(None)), "age": (int, type(None)), "pregnant": (bool, type(None)), "findings": (list,),
    "intents": (list,), "asks_human": (bool, type(None)), "distress": (bool, type(None)),
}  # fmt: skip
_ITEM = {
    "code": (str,), "present": (str,), "onset": (str, type(None)), "severity": (int, type(None)), "quote": (str,),
    "turn": (int,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What is left of an answer."""

    extracted: Extracted | None
    """None: nothing is."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> items: schema, code, quote, turn, many; and those that say no, counted as `not-yes`."""


def accepted(content: str, turns: Mapping[int, str], codes: Mapping[str, str], by: str) -> Acceptance:
    """What counts. turns: number -> what the member wrote; codes: the vocabulary; by: model and prompt version."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return Acceptance(None, {"schema": 1})
    if not _shaped(whole, _TOP):
        return Acceptance(None, {"schema": 1})
    dropped: Counter[str] = Counter()
    findings: dict[str, str] = {}
    for item in whole["findings"]:
        reason = _fault(item, turns, codes)
        if reason is not None:
            dropped[reason] += 1
        else:
            findings.setdefault(item["code"], item["quote"].strip())
    if len(findings) > MOST:
        dropped["many"] += len(findings)
        findings = {}
    symptom = "symptom_report" in whole["intents"]
    return Acceptance(Extracted(findings, symptom, by) if findings or symptom else None, dict(dropped))


def _fault(item: Any, turns: Mapping[int, str], codes: Mapping[str, str]) -> str | None:
    """Why an item does not count."""
    if not _shaped(item, _ITEM) or item["present"] not in ("yes", "no", "unknown"):
        return "schema"
    if item["code"] not in codes:
        return "code"
    if item["turn"] not in turns:
        return "turn"
    quote = item["quote"].strip()
    if sum(c.isalnum() for c in quote) < 3 or quote not in turns[item["turn"]]:
        return "quote"
    return None if item["present"] == "yes" else "not-yes"


def _shaped(value: Any, shape: Mapping[str, tuple[type, ...]]) -> bool:
    """Whether an object has these members, of these types, and no others. True is no number."""
    return (
        isinstance(value, dict)
        and value.keys() == shape.keys()
        and all(type(value[name]) in kinds for name, kinds in shape.items())
    )
