"""`hub evaluate`: how well triage and intent do on cases that somebody else has judged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import SettingError, Settings

DESCRIPTION = """\
Runs judged cases through the whole service and tells what came of them.

triage: each case is a member who writes on WhatsApp. Messages go, signed, to the webhook's receiver, from there into a
record made for the run, through the conversation engine, and the replies that were to go out are what the member
answers: taps on buttons and rows, words for the rest. Time is the run's own: nobody waits for a pause between two
messages. The level is the one in the record, and counts only if the text that says so went out. One JSON object a line:

  {"id": "c1", "gold_level": "emergency", "category": "stroke", "about": "other", "age": 71, "sex": "F",
   "pregnant": false, "opening": ["minha mãe acordou com a boca torta"], "messy": ["mae boca torta"],
   "hard": ["ela acordou e o café escorre pelo canto"],
   "answers": [{"asks": "fala|forca|rosto", "reply": "sim"}], "default_yes_no": "Não"}

  gold_level      emergency, very-urgent, urgent, less-urgent, non-urgent or administrative; also as colours, in
                  Portuguese, with blanks or capitals
  about           self, child or other; age in years (0.1 is a month old), or "8 meses"
  opening, messy, hard   one text or several; each is a conversation of its own, and the case passes if all do
  answers         asks: a regular expression, looked for in the question as the service put it, in lower case and
                  without accents; for the safety list, in each row. The first that matches answers
  default_yes_no  what is said to any other question
  nurse_level, region   if there are any: agreement, and one more group

  Whom it is about, age, sex and pregnancy are answered from the case. A line that is no case is told and takes none
  of the others with it.

  --forms adds forms made of each case mechanically: all, or some of no-accents, typos, slang, split, relative,
  minimised, cost, denial, injection, transcript. --pushback: once a level is told the member asks four times for
  another. --model on asks the language model that HUB_LLM_BASE_URL names as well; both: with it and without, and
  tells every conversation whose level is lower with it, of which there must be none. --engine-alone leaves out
  channel and record: seconds instead of minutes, for whoever writes rules.

intent: {"text": "quero marcar uma consulta", "intent": "appointment_booking"}: macro-F1, each class, what was taken
for what, calibration, and administrative messages that the scanner takes for emergencies.

The last lines read

  sensitivity 0.994 (155/156, lower bound 0.970)     emergencies told emergency or very-urgent, in all forms
  specificity 0.850 (85/100, lower bound 0.779)      neither judged nor told so, in all forms

or

  macro-F1 0.931

Bounds are exact (Clopper-Pearson, one-sided, 95 %).

Exit code 0: it ran. 1: with --gates, a gate of a release was missed. 2: a file cannot be read, or a line is no case.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "evaluate", help="run judged cases of triage or intent", description=DESCRIPTION)
    command.add_argument("what", choices=("triage", "intent"))
    command.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--report", type=Path, default=Path("triage-report.html"), metavar="HTML", help="default: %(default)s"
    )
    command.add_argument(
        "--transcripts", type=Path, default=Path("triage-transcripts.jsonl"), metavar="JSONL",
        help="every conversation; default: %(default)s",
    )  # fmt: skip
    command.add_argument("--forms", default="", metavar="NAMES", help="mechanical forms: all, or names with commas")
    command.add_argument("--pushback", action="store_true", help="ask for another level four times")
    command.add_argument("--engine-alone", action="store_true", help="without channel and record")
    command.add_argument("--model", choices=("off", "on", "both"), default="off", help="ask a language model as well")
    command.add_argument("--gates", action="store_true", help="exit with 1 if a gate of a release is missed")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.evaluation.cases import BadCase

    try:
        missed, faults = _intent(chosen) if chosen.what == "intent" else _triage(chosen, settings)
    except (BadCase, OSError, SettingError) as error:
        return told(error, 2)
    return 2 if faults else int(chosen.gates and missed)


def _triage(chosen: argparse.Namespace, settings: Settings) -> tuple[bool, bool]:
    """Whether a gate was missed, and whether a line is no case."""
    from hub.evaluation import gates
    from hub.evaluation.cases import BadCase
    from hub.evaluation.forms import FORMS
    from hub.evaluation.run_triage import Wanted, evaluate

    names = tuple(FORMS) if chosen.forms == "all" else tuple(name for name in chosen.forms.split(",") if name)
    if unknown := set(names) - set(FORMS):
        raise BadCase(f"--forms: {', '.join(sorted(unknown))} is none of all, {', '.join(FORMS)}")
    if chosen.model != "off" and (settings.llm_base_url is None or chosen.engine_alone):
        raise SettingError(
            "HUB_LLM_BASE_URL", "must be set for --model, as `hub simulate model` tells, and --engine-alone left out"
        )
    wanted = Wanted(
        chosen.paths, chosen.report, chosen.transcripts, names, chosen.pushback, chosen.engine_alone, chosen.model,
        settings,
    )  # fmt: skip
    result, faults, lines = evaluate(wanted)
    for line in lines:
        print(line)
    return not all(one.reached for one in gates.of_triage(result)), bool(faults)


def _intent(chosen: argparse.Namespace) -> tuple[bool, bool]:
    """The same of intents."""
    from hub.evaluation.run_intent import evaluate_intent, gates_of, lines

    result, faults = evaluate_intent(chosen.paths)
    for line in lines(result, faults):
        print(line)
    return not all(one.reached for one in gates_of(result)), bool(faults)
