"""The authoring set, by the conversation engine: no emergency in any form is told less than very-urgent.

The same through receiver, engine and record, some cases: tests/hub/evaluation/test_whole.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from care_services.triage.rule_set import rules
from hub.evaluation.cases import Case, read_cases
from hub.evaluation.conversations import Ran, run
from hub.evaluation.engine_alone import EngineAlone
from hub.evaluation.figures import TOLD, figures

CASES = [case for path in sorted((Path(__file__).parent / "cases").glob("*.jsonl")) for case in read_cases(path)[0]]


@pytest.fixture(scope="module")
def ran() -> dict[str, Ran]:
    return {one.case.id: one for one in asyncio.run(run(CASES, EngineAlone(rules()), rules()))}


@pytest.mark.parametrize("case", [case for case in CASES if case.gold in TOLD], ids=lambda case: case.id)
def test_is_sent_to_help(case: Case, ran: dict[str, Ran]) -> None:
    levels = {form: talk.level for form, talk in ran[case.id].talks.items()}
    assert set(levels.values()) <= set(TOLD), levels


@pytest.mark.parametrize("name", ["heldout18", "heldout20", "heldout22", "heldout24", "heldout27"])
def test_the_stories_alone_are_enough(name: str) -> None:
    """Whoever denies every question is sent to help by what they told."""
    told = [replace(case, answers=()) for case in CASES if case.id.startswith(f"{name}-") and case.gold in TOLD]
    ended = asyncio.run(run(told, EngineAlone(rules()), rules()))
    missed = [(one.case.id, form) for one in ended for form, talk in one.talks.items() if talk.level not in TOLD]
    assert told
    assert not missed


def test_others_mostly_are_not(ran: dict[str, Ran]) -> None:
    result = figures(ran.values())
    assert result.all.specificity.value >= 0.85
    assert result.hazardous == ()


def test_every_conversation_ends_with_an_answer(ran: dict[str, Ran]) -> None:
    assert figures(ran.values()).answered.value == 1
