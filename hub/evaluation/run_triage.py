"""`hub evaluate triage`: runs the cases of files, tells what came of them, writes the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from care_services.triage.rule_set import RuleSet, rules
from hub.evaluation.cases import Case, read_cases
from hub.evaluation.driver import talk
from hub.evaluation.figures import Figures, Ran, figures
from hub.evaluation.report import page
from hub.evaluation.service import Interview


def run_case(case: Case, rule_set: RuleSet) -> Ran:
    """Each form of the case as a conversation of its own."""
    return Ran(case, {form: talk(case, form, Interview(rule_set)) for form in case.forms})


def evaluate(paths: Sequence[Path], report: Path, transcripts: Path | None) -> Iterator[str]:
    """Runs all cases; the lines to show. Raises BadCase, OSError, BadRules."""
    rule_set = rules()
    runs = [run_case(case, rule_set) for path in paths for case in read_cases(path)]
    result = figures(runs)
    report.write_text(page(f"Triage, rules {rule_set.version} ({rule_set.status})", result, runs), encoding="utf-8")
    if transcripts:
        transcripts.write_bytes(b"".join(map(_line, runs)))
    yield from _lines(result, runs)
    yield f"report {report}"
    yield result.sensitivity.line("sensitivity")
    yield result.specificity.line("specificity")


def _line(run: Ran) -> bytes:
    forms = {form: {"level": one.level, "transcript": one.transcript} for form, one in run.talks.items()}
    return orjson.dumps({"id": run.case.id, "gold_level": run.case.gold, "forms": forms}) + b"\n"


def _lines(result: Figures, runs: list[Ran]) -> Iterator[str]:
    for run in runs:
        yield f"{run.case.id:24} {run.case.gold:15} " + "  ".join(
            f"{form} {one.level}" for form, one in run.talks.items()
        )
    yield f"cases {len(runs)}, conversations {sum(len(run.talks) for run in runs)}"
    for gold, told in sorted(result.confusion):
        yield f"gold {gold:15} told {told:15} {result.confusion[gold, told]}"
    yield result.sensitivity_by_form.line("sensitivity by form")
    yield result.very_urgent.line("very-urgent told")
    yield result.under.line("under-triage by form")
    yield result.over.line("over-triage by form")
    inclined = result.over.n + result.under.n
    yield f"inclination {result.over.n / inclined:.3f}" if inclined else "inclination none"
    yield f"hazardous under-triage {len(result.hazardous)}" + "".join(f" {one}" for one in result.hazardous)
