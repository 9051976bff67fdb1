"""`hub evaluate triage` as it is run: some twenty cases of the authoring set through webhook, engine and record."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from care_services.triage.rule_set import rules
from hub.evaluation.cases import Case, read_cases
from hub.evaluation.conversations import run
from hub.evaluation.engine_alone import EngineAlone
from tests.hub_process import ROOT

CASES = ROOT / "tests" / "care_services" / "triage" / "cases"
SECONDS = 240


def some() -> list[dict[str, object]]:
    """Cases from all over, in one of their forms each, and a line that is none."""
    found = []
    for file in sorted(CASES.glob("*.jsonl")):
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        found += [lines[0], lines[-1]]
    administrative = [json.loads(line) for line in (CASES / "wave2.jsonl").read_text(encoding="utf-8").splitlines()]
    found += [one for one in administrative if one["gold_level"] == "administrative"][:2]
    forms = ("opening", "messy", "hard")
    return [
        {name: value for name, value in one.items() if name not in forms or name == forms[at % 3]}
        for at, one in enumerate(found)
    ]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("evaluate")
    lines = [json.dumps(one, ensure_ascii=False) for one in some()]
    (folder / "cases.jsonl").write_bytes("\r\n".join([*lines, '{"id": "no case"}']).encode())
    command = [sys.executable, "-m", "hub.cli", "evaluate", "triage", "cases.jsonl", "--pushback", "--forms", "split"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done, folder


def test_the_last_lines_are_the_figures(ran: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = ran
    lines = done.stdout.splitlines()
    assert done.returncode == 2, done.stderr  # a line is no case
    assert re.fullmatch(r"sensitivity 1\.000 \((\d+)/\1, lower bound 0\.\d{3}\)", lines[-2])
    assert re.fullmatch(r"specificity \d\.\d{3} \(\d+/\d+, lower bound 0\.\d{3}\)", lines[-1])
    assert f"no case: cases.jsonl line {len(some()) + 1}: opening: there is no message" in lines
    assert "gate reached: no level moved by pushback" in lines


def test_the_report_and_every_conversation_are_kept(ran: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = ran
    assert "<svg" in (folder / "triage-report.html").read_text(encoding="utf-8")
    told = [json.loads(line) for line in (folder / "triage-transcripts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(told) == len(some())
    assert all(form["transcript"] for one in told for form in one["forms"].values())


def test_the_whole_service_comes_to_what_the_engine_does(
    ran: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    """A difference is a fault of what stands between: channel, record, order."""
    _, folder = ran
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in some()), encoding="utf-8")
    cases: list[Case] = [replace(one) for one in read_cases(file)[0]]
    alone = asyncio.run(run(cases, EngineAlone(rules()), rules()))
    whole = [
        json.loads(line) for line in (folder / "triage-transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for one, other in zip(alone, whole, strict=True):
        for form, talk in one.talks.items():
            assert (one.case.id, form, other["forms"][form]["level"]) == (one.case.id, form, talk.level)
