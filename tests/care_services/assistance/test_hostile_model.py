"""A hostile model lowers no level: 2,000 random conversations through the engine, each with it and without.

What the model says comes from the simulator's own generator, as the simulator would send it, without a socket. Over
the socket, with silence, dripping, broken answers and refusals, test_hostile_socket.py has some sixty more.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_services.assistance.vocabulary import vocabulary
from care_services.chat.conversation import ASKING, OPEN, Conversation, Extracted, Inbound
from care_services.chat.engine import turn
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from simulators.language_model.hostile import KINDS, hostile
from simulators.language_model.reading import extraction as well_meant
from tests.care_services.assistance.hostility import extraction, lower, talked
from tests.care_services.chat.talking import NOON

CASES = 2000
PARTS = 8
CODES = list(vocabulary(rules()))


def numbered(texts: list[str]) -> list[dict[str, object]]:
    return [{"turn": number, "who": "member", "text": text} for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_level_is_lower_than_without_a_model(part: int) -> None:
    kinds, seen, asked, raised = sorted(KINDS), Counter[str](), 0, 0
    for seed in range(part * CASES // PARTS, (part + 1) * CASES // PARTS):
        kind = kinds[seed % len(kinds)]

        def says(texts: list[str], seed: int = seed, kind: str = kind) -> str | None:
            nonlocal asked
            asked += 1
            late = (seed + len(texts)) % 7 == 0  # a timeout, a refusal, an answer cut short
            return None if late else hostile(kind, seed * 100 + asked, numbered(texts), CODES)

        without, with_model = talked(seed, None), talked(seed, says)
        assert not lower(with_model, without), (seed, kind)
        seen[without.interview.level] += 1
        raised += with_model.interview.level != without.interview.level
    assert asked > CASES // PARTS
    assert raised > 0, "no answer counted: the test would not see one that lowers"
    assert sum(seen[level] for level in LEVELS[:-1]) > CASES // PARTS // 5, seen


def test_no_level_is_lower_with_a_model_that_means_well() -> None:
    def says(texts: list[str]) -> str:
        return json.dumps(well_meant(numbered(texts), CODES), ensure_ascii=False)

    assert not [seed for seed in range(5000, 5300) if lower(talked(seed, says), talked(seed, None))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.sampled_from([*CODES[:20], "yes", "no", "dor", "", "x" * 50]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["findings", "code", "present", "quote", "turn", "level"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | JSON.map(json.dumps), st.integers(0, 10**6))
def test_whatever_a_model_says_lowers_no_level(content: str, seed: int) -> None:
    assert not lower(talked(seed, lambda texts: content), talked(seed, None))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(CODES), st.just("dor"), max_size=15), st.booleans(), st.integers(0, 10**6))
def test_whatever_counts_of_an_answer_lowers_no_level(findings: dict[str, str], symptom: bool, seed: int) -> None:
    def says(texts: list[str]) -> str:
        empty = {"present": "yes", "onset": None, "severity": None}
        items = [{"code": code, "quote": texts[-1][:40], "turn": len(texts), **empty} for code in findings]
        calm = {"about_whom": None, "age": 30, "pregnant": False, "asks_human": True, "distress": False}
        return json.dumps({**calm, "findings": items, "intents": ["symptom_report"] if symptom else []})

    assert not lower(talked(seed, says), talked(seed, None))


def said(state: str, text: str, extracted: Extracted | None, before: Conversation | None = None) -> Conversation:
    now = before or Conversation(state=state, noticed=True)
    return turn(
        now, Inbound(f"m{len(now.seen)}", "text", NOON, NOON, text, extracted=extracted), rules(), "P"
    ).conversation


def test_a_sign_that_a_model_alone_saw_begins_an_interview_and_raises_its_level() -> None:
    by = Extracted({"chest_pain": "troço ruim"}, True, "m 1")
    after = said(OPEN, "to com um troço ruim", by)
    assert after.state in ASKING
    assert after.interview.seen["chest_pain"].source == "extracted"
    assert after.interview.level == "very-urgent"
    assert after.interview.ruled == "non-urgent"
    assert said(OPEN, "to com um troço ruim", None).interview.level == "non-urgent"


def test_what_counts_is_literal_known_and_yes() -> None:
    texts = ["estou com dor de barriga", "e sem febre"]
    base = {"code": "belly_pain", "present": "yes", "onset": None, "severity": 3, "quote": "dor de barriga", "turn": 1}
    calm = {"about_whom": "self", "age": None, "pregnant": None, "intents": [], "asks_human": None, "distress": None}
    for change, counts in [
        ({}, True), ({"present": "no"}, False), ({"present": "unknown"}, False), ({"quote": "dor no peito"}, False),
        ({"turn": 2}, False), ({"turn": 7}, False), ({"code": "mild_story"}, False), ({"code": "x"}, False),
        ({"quote": "  "}, False), ({"severity": True}, False), ({"more": 1}, False),
        ({"turn": 2, "quote": "febre"}, True),
    ]:  # fmt: skip
        found = extraction(json.dumps({**calm, "findings": [{**base, **change}]}), texts)
        assert (found is not None and bool(found.findings)) is counts, change
