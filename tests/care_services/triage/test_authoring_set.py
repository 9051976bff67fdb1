"""The authoring set, run as `hub evaluate triage` runs it: no emergency in any form is told less than very-urgent."""

from __future__ import annotations

from pathlib import Path

import pytest

from care_services.triage.rule_set import rules
from hub.evaluation.cases import Case, read_cases
from hub.evaluation.figures import TOLD, figures
from hub.evaluation.run_triage import run_case

CASES = [case for path in sorted((Path(__file__).parent / "cases").glob("*.jsonl")) for case in read_cases(path)]


@pytest.mark.parametrize("case", [case for case in CASES if case.gold in TOLD], ids=lambda case: case.id)
def test_is_sent_to_help(case: Case) -> None:
    told = run_case(case, rules())
    assert all(told.told()), {form: talk.level for form, talk in told.talks.items()}


def test_others_mostly_are_not() -> None:
    assert figures([run_case(case, rules()) for case in CASES]).specificity.value >= 0.85
