"""Templates: every one has its text, the channel's limits hold, and the first that can be used is chosen."""

from __future__ import annotations

import re

import pytest

from care_services.delivery.decision import CATEGORIES
from care_services.delivery.templates import TEMPLATES, UTILITY, Model, chosen
from care_services.triage.rule_set import rules


@pytest.mark.parametrize("model", TEMPLATES, ids=lambda one: one.name)
def test_each(model: Model) -> None:
    text = rules().texts[model.text]
    assert tuple(re.findall(r"{(\w+)}", text)) == model.slots
    assert len(text) <= 1024
    assert re.fullmatch(r"[a-z0-9_]{1,512}", model.name)
    assert CATEGORIES[model.category]
    assert (model.kind == UTILITY) == (model.category not in ("wellness", "healthpoints"))


def test_names_are_unique() -> None:
    assert len({one.name for one in TEMPLATES}) == len(TEMPLATES)


def test_the_first_that_can_be_used() -> None:
    first, plain = "austa_authorization_v1", "austa_authorization_plain_v1"

    def name(unusable: set[str], **slots: str) -> str | None:
        found = chosen("authorization", unusable, slots)
        return found.name if found else None

    assert name(set(), protocol="1") == first
    assert name(set()) == plain
    assert name({first}, protocol="1") == plain
    assert name({first, plain}, protocol="1") is None
    assert chosen("answer", set(), {}) is None
