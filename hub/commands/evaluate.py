"""`hub evaluate`: how well triage and intent do on cases that somebody else has judged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Runs cases and tells what came of them. One JSON object a line:

  hub evaluate triage cases.jsonl     conversations: {"id", "gold_level", "category", "about", "age", "sex", "pregnant",
                                      "opening": [...], "messy": [...], "hard": [...],
                                      "answers": [{"asks": regex, "reply": text}], "default_yes_no"}
  hub evaluate intent texts.jsonl     {"text", "intent"}: macro-F1, each class, what was taken for what

gold_level is emergency, very-urgent, urgent, less-urgent, non-urgent or administrative. Each of opening, messy and hard
is a conversation of its own; a case passes only if all of them do. `asks` is looked for in the question as the service
put it, in lower case and without accents. Age, sex, pregnancy and whom it is about are answered from the case.

Exit code 0: it ran. 2: a file is no file of cases.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "evaluate", help="run judged cases of triage or intent", description=DESCRIPTION)
    command.add_argument("what", choices=("triage", "intent"))
    command.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--report", type=Path, default=Path("triage-report.html"), metavar="HTML", help="default: %(default)s"
    )
    command.add_argument("--transcripts", type=Path, metavar="JSONL", help="write every conversation there")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.evaluation.cases import BadCase
    from hub.evaluation.run_intent import evaluate_intent
    from hub.evaluation.run_triage import evaluate

    try:
        if chosen.what == "intent":
            lines = evaluate_intent(chosen.paths)
        else:
            lines = evaluate(chosen.paths, chosen.report, chosen.transcripts)
        for line in lines:
            print(line)
    except (BadCase, OSError) as error:
        return told(error, 2)
    return 0
