"""`hub evaluate intent`: what the classifier says of texts that somebody has judged.

The care services' contract, section 11: macro-F1, each class, what was taken for what, how far its probabilities can be
believed, and how often the red-flag scanner takes an administrative message for an emergency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from care_services.chat.alarm import alarming
from care_services.intent.model import EMERGENCY, intent_of, model
from care_services.triage.rule_set import rules
from hub.evaluation.cases import BadCase
from hub.evaluation.figures import Share
from hub.evaluation.gates import Gate, of_intent
from hub.evaluation.gates import told as told_gates
from hub.evaluation.spelled import intent as spelled

CLINICAL = frozenset({EMERGENCY, "symptom_report", "medication_question"})
BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A text, what it was judged to be, what it was taken for, and how sure of that the service was."""

    text: str
    gold: str
    told: str
    sure: float
    alarm: bool


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """What a run comes to."""

    pairs: Counter[tuple[str, str]]
    """(judged, told)"""
    scores: dict[str, float]
    """F1 of each class that texts were judged to be."""
    calibration: float
    """Expected calibration error, in ten bins of probability."""
    false_alarms: Share
    """Administrative messages that the scanner takes for an emergency."""

    @property
    def macro_f1(self) -> float:
        return sum(self.scores.values()) / len(self.scores)


def evaluate_intent(paths: Sequence[Path]) -> tuple[IntentFigures, list[BadCase]]:
    """Runs all texts: figures, and the lines that are no texts. Raises BadCase: there is none; OSError."""
    found: list[Judged] = []
    faults: list[BadCase] = []
    for path in paths:
        for text in _texts(path):
            if isinstance(text, BadCase):
                faults.append(text)
            else:
                found.append(_judged(*text))
    if not found:
        raise faults[0] if faults else BadCase("the files hold no text")
    pairs = Counter((one.gold, one.told) for one in found)
    calm = [one for one in found if one.gold not in CLINICAL]
    figures = IntentFigures(
        pairs=pairs, scores={name: f1(pairs, name) for name in sorted({gold for gold, _ in pairs})},
        calibration=calibration_error([(one.sure, one.gold == one.told) for one in found]),
        false_alarms=Share(sum(one.alarm for one in calm), len(calm)),
    )  # fmt: skip
    return figures, faults


def f1(pairs: Counter[tuple[str, str]], name: str) -> float:
    """The F1 of a class among (judged, told) counts."""
    right = pairs[name, name]
    gold = sum(count for (one, _), count in pairs.items() if one == name)
    told = sum(count for (_, one), count in pairs.items() if one == name)
    return 2 * right / (gold + told) if gold + told else 0.0


def calibration_error(answers: Sequence[tuple[float, bool]]) -> float:
    """How far sureness and being right lie apart, in the mean over bins of sureness, each as heavy as it is full."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in answers:
        bins.setdefault(min(int(sure * BINS), BINS - 1), []).append((sure, right))
    apart = (abs(sum(sure for sure, _ in one) - sum(right for _, right in one)) for one in bins.values())
    return sum(apart) / len(answers) if answers else 0.0


def gates_of(result: IntentFigures) -> list[Gate]:
    """Those of a release."""
    false_alarms = result.false_alarms.value if result.false_alarms.m else 0.0
    return of_intent(result.macro_f1, min(result.scores.values()), result.calibration, false_alarms)


def lines(result: IntentFigures, faults: Sequence[BadCase]) -> Iterator[str]:
    """What is printed, macro-F1 last."""
    for name, score in result.scores.items():
        gold = sum(count for (one, _), count in result.pairs.items() if one == name)
        told = sum(count for (_, one), count in result.pairs.items() if one == name)
        right = result.pairs[name, name]
        recall, precision = Share(right, gold).value, Share(right, told).value
        both = f"recall {recall:.3f} ({right}/{gold})  precision {precision:.3f} ({right}/{told})"
        yield f"{name:24} F1 {score:.3f}  {both}"
    for (gold_name, told_name), count in sorted(result.pairs.items()):
        if gold_name != told_name:
            yield f"judged {gold_name:24} told {told_name:24} {count}"
    right, all = sum(n for (gold, told), n in result.pairs.items() if gold == told), sum(result.pairs.values())
    yield Share(right, all).line("accuracy")
    yield f"calibration error {result.calibration:.3f}"
    yield result.false_alarms.line("scanner false alarms on administrative messages", "upper")
    yield from (f"no text: {fault}" for fault in faults)
    yield from told_gates(gates_of(result))
    yield f"macro-F1 {result.macro_f1:.3f}"


def _judged(text: str, gold: str) -> Judged:
    told = intent_of(text)
    sure = 1.0 if told == EMERGENCY else model().probabilities(text)[told]
    return Judged(text, gold, told, sure, alarming(text, rules()))


def _texts(path: Path) -> Iterator[tuple[str, str] | BadCase]:
    """Each text with its intent, or why a line has none."""
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = orjson.loads(line)
            text, gold = told["text"], told["intent"]
            if not isinstance(text, str):
                raise TypeError
            yield text, spelled(gold)
        except (KeyError, TypeError):
            yield BadCase(f"{path.name} line {number}: no object with text and intent")
        except ValueError as error:
            yield BadCase(f"{path.name} line {number}: {error}")
