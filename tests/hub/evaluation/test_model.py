"""A level that is lower with a language model than without is told; a model that is nowhere is asked for at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli import main
from hub.evaluation.conversations import Ran
from hub.evaluation.member import Talk
from hub.evaluation.run_triage import lowered
from tests.hub.evaluation.telling import case


@pytest.mark.parametrize(
    ("with_model", "without", "lower"),
    [
        ("urgent", "very-urgent", True), ("very-urgent", "urgent", False), ("urgent", "urgent", False),
        ("administrative", "less-urgent", True), ("none", "non-urgent", True), ("emergency", "none", False),
    ],
)  # fmt: skip
def test_lower(with_model: str, without: str, lower: bool) -> None:
    one = case()
    found = lowered([Ran(one, {"opening": Talk(with_model)})], [Ran(one, {"opening": Talk(without)})])
    assert found == ([("1", "opening", with_model, without)] if lower else [])


def test_a_model_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text("{}")
    assert main(["evaluate", "triage", str(cases), "--model", "on"]) == 2
    assert "HUB_LLM_BASE_URL" in capsys.readouterr().err
