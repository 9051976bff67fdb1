"""What a model may name: the signs and conditions of the closed vocabulary, each with what it is called. Pure.

What says that a story is light, administrative or about whom (kind `person`) is not among them: it could lower a level.
"""

from __future__ import annotations

from collections.abc import Mapping

from care_services.triage.rule_set import RuleSet

KINDS = ("sign", "condition")


def vocabulary(rules: RuleSet) -> Mapping[str, str]:
    """Code -> label."""
    return {code: one.label for code, one in rules.findings.items() if one.kind in KINDS}
