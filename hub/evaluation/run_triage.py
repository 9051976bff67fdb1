"""`hub evaluate triage`: cases from files, their conversations, and what is told of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import orjson

from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import RuleSet, rules
from hub.evaluation import forms, gates
from hub.evaluation.cases import BadCase, Case, read_cases
from hub.evaluation.conversations import Ran, run
from hub.evaluation.engine_alone import EngineAlone
from hub.evaluation.figures import Figures, figures
from hub.evaluation.place import Place, place, with_model_of
from hub.evaluation.report import page
from hub.evaluation.whole import whole
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody who evaluates asks for."""

    paths: Sequence[Path]
    report: Path
    transcripts: Path
    forms: tuple[str, ...] = ()
    """Of `forms.FORMS`, beside those of the files."""
    pushback: bool = False
    engine_alone: bool = False
    model: str = "off"
    """off; on: the language model of the settings is asked too; both: with it and without, compared."""
    settings: Settings = field(default_factory=Settings)
    """Where the language model is."""


def evaluate(wanted: Wanted) -> tuple[Figures, list[BadCase], Iterator[str]]:
    """Runs all cases and writes the report: figures, lines that are no cases, what to print. Raises BadCase: there is
    no case; OSError, BadRules, and what keeps the hub from starting."""
    cases, faults = _read(wanted)
    rule_set = rules()
    runs = _run(cases, rule_set, wanted, model=wanted.model != "off")
    without = _run(cases, rule_set, wanted, model=False) if wanted.model == "both" else []
    result = figures(runs)
    title = f"Triage, rules {rule_set.version} ({rule_set.status})"
    wanted.report.write_text(page(title, result, runs), encoding="utf-8")
    wanted.transcripts.write_bytes(b"".join(map(_line, runs)))
    return result, faults, chain(_compared(runs, without), _lines(wanted, result, runs, faults))


def _read(wanted: Wanted) -> tuple[list[Case], list[BadCase]]:
    cases: list[Case] = []
    faults: list[BadCase] = []
    for path in wanted.paths:
        found, bad = read_cases(path)
        cases += found
        faults += bad
    return [forms.mechanical(one, wanted.forms) if wanted.forms else one for one in cases], faults


def _run(cases: Sequence[Case], rule_set: RuleSet, wanted: Wanted, *, model: bool) -> list[Ran]:
    if wanted.engine_alone:
        return asyncio.run(run(cases, EngineAlone(rule_set), rule_set, pushback=wanted.pushback, tell=_progress))
    with place() as here:
        if model:
            here = replace(here, settings=with_model_of(here.settings, wanted.settings))
        return asyncio.run(_whole(cases, rule_set, wanted, here))


async def _whole(cases: Sequence[Case], rule_set: RuleSet, wanted: Wanted, here: Place) -> list[Ran]:
    async with whole(here, rule_set) as service:
        return await run(cases, service, rule_set, pushback=wanted.pushback, tell=_progress)


def lowered(runs: Sequence[Ran], without: Sequence[Ran]) -> list[tuple[str, str, str, str]]:
    """Case, form, level with a model, level without: where the first is lower. The runs are of the same cases."""
    return [
        (ran.case.id, form, one.level, other.talks[form].level)
        for ran, other in zip(runs, without, strict=True)
        for form, one in ran.talks.items()
        if _rank(one.level) < _rank(other.talks[form].level)
    ]


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1


def _compared(runs: Sequence[Ran], without: Sequence[Ran]) -> Iterator[str]:
    if without:
        lower = lowered(runs, without)
        yield from (f"lower with a model: {case} {form} {level}, without {other}" for case, form, level, other in lower)
        yield f"lower with a model than without {len(lower)} of {sum(len(one.talks) for one in runs)}"


def _progress(over: int, all: int) -> None:
    """A bar, where somebody looks."""
    if sys.stderr.isatty():
        done = 40 * over // all
        end = "\n" if over == all else ""
        sys.stderr.write(f"\r[{'#' * done}{'.' * (40 - done)}] {over} of {all} conversations{end}")
        sys.stderr.flush()


def _line(ran: Ran) -> bytes:
    told = {
        form: {
            "level": one.level,
            **({"after_pushback": one.pushed} if one.pushed else {}),
            "transcript": one.transcript,
        }
        for form, one in ran.talks.items()
    }
    return orjson.dumps({"id": ran.case.id, "gold_level": ran.case.gold, "forms": told}) + b"\n"


def _lines(wanted: Wanted, result: Figures, runs: list[Ran], faults: list[BadCase]) -> Iterator[str]:
    for ran in runs:
        reached = "  ".join(f"{form} {one.level}" for form, one in ran.talks.items())
        yield f"{ran.case.id:24} {ran.case.gold:15} {reached}"
    yield f"cases {len(runs)}, conversations {sum(len(ran.talks) for ran in runs)}"
    for gold, told in sorted(result.confusion):
        yield f"judged {gold:15} told {told:15} {result.confusion[gold, told]}"
    for form, one in result.groups["form"].items():
        yield f"{one.sensitivity.line(f'form {form}: sensitivity')}; {one.specificity.line('specificity')}"
    yield result.all.by_form.line("sensitivity by form")
    yield result.very_urgent.line("very-urgent told")
    yield result.all.under.line("under-triage by form", "upper")
    yield result.all.over.line("over-triage by form", "upper")
    yield "inclination none" if result.inclination is None else f"inclination {result.inclination:.3f}"
    yield result.answered.line("answered")
    yield result.handed_off.line("handed to a person", "upper")
    for name, kappa in (("weighted kappa", result.kappa), ("weighted kappa with nurses", result.kappa_nurses)):
        if kappa is not None:
            yield f"{name} {kappa:.3f}"
    if result.unmoved.m:
        yield result.unmoved.line("level kept against pushback")
    yield f"hazardous under-triage {len(result.hazardous)}" + "".join(f" {one}" for one in result.hazardous)
    yield from (f"no case: {fault}" for fault in faults)
    yield from gates.told(gates.of_triage(result))
    yield f"report {wanted.report}, transcripts {wanted.transcripts}"
    yield result.all.sensitivity.line("sensitivity")
    yield result.all.specificity.line("specificity")
