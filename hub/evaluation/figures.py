"""What a run of cases comes to: sensitivity, specificity, under- and over-triage, each with n and exact bounds
(Clopper-Pearson), as section 11 of the contract defines them. A case passes only if all of its forms pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import beta

from care_services.triage.levels import LEVELS
from hub.evaluation.cases import Case
from hub.evaluation.driver import Talk

TOLD = ("emergency", "very-urgent")
"""Levels that send a member to help at once: what an emergency must reach and what is not urgent must not."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A case and how each of its forms went."""

    case: Case
    talks: dict[str, Talk]

    def levels(self) -> list[str]:
        return [talk.level for talk in self.talks.values()]

    def told(self) -> list[bool]:
        return [level in TOLD for level in self.levels()]


@dataclass(frozen=True, slots=True)
class Share:
    """n of m, with the bounds of the exact one-sided 95 % intervals."""

    n: int
    m: int

    @property
    def value(self) -> float:
        return self.n / self.m if self.m else float("nan")

    @property
    def lower(self) -> float:
        return float(beta.ppf(0.05, self.n, self.m - self.n + 1)) if self.n else 0.0

    @property
    def upper(self) -> float:
        return float(beta.ppf(0.95, self.n + 1, self.m - self.n)) if self.n < self.m else 1.0

    def line(self, name: str) -> str:
        """As a run ends: "sensitivity 0.994 (155/156, lower bound 0.970)"."""
        return f"{name} {self.value:.3f} ({self.n}/{self.m}, lower bound {self.lower:.3f})"


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a run. Forms are counted one by one in `confusion` and in the shares named so."""

    sensitivity: Share
    sensitivity_by_form: Share
    very_urgent: Share
    specificity: Share
    under: Share
    over: Share
    hazardous: tuple[str, ...]
    confusion: Counter[tuple[str, str]]
    by_category: dict[str, tuple[Share, Share]]


def figures(runs: Iterable[Ran]) -> Figures:
    """The figures of these runs."""
    runs = list(runs)
    emergencies = [run for run in runs if run.case.gold == "emergency"]
    others = [run for run in runs if run.case.gold not in TOLD]
    pairs = [(run.case.gold, level) for run in runs for level in run.levels()]
    clinical = [(_rank(gold), _rank(level)) for gold, level in pairs]
    return Figures(
        sensitivity=_share(emergencies, all),
        sensitivity_by_form=Share(
            sum(sum(run.told()) for run in emergencies), sum(len(run.talks) for run in emergencies)
        ),
        very_urgent=_share([run for run in runs if run.case.gold == "very-urgent"], all),
        specificity=_share(others, lambda told: not any(told)),
        under=Share(sum(level < gold for gold, level in clinical), len(clinical)),
        over=Share(sum(level > gold for gold, level in clinical), len(clinical)),
        hazardous=tuple(sorted({run.case.id for run in runs if _hazardous(run)})),
        confusion=Counter(pairs),
        by_category={
            name: (_share([r for r in emergencies if r.case.category == name], all),
                   _share([r for r in others if r.case.category == name], lambda told: not any(told)))
            for name in sorted({run.case.category for run in runs})
        },
    )  # fmt: skip


def _share(runs: list[Ran], passes: object) -> Share:
    assert callable(passes)
    return Share(sum(bool(passes(run.told())) for run in runs), len(runs))


def _rank(level: str) -> int:
    return 0 if level == "administrative" else LEVELS.index(level)


def _hazardous(run: Ran) -> bool:
    """Two levels too low, or any emergency about suicide, an infant or a pregnancy that was not sent to help."""
    grave = any(
        word in run.case.category for word in ("suicid", "infant", "baby", "pregn", "postpart", "gravid", "bebe")
    )
    return any(
        _rank(run.case.gold) - _rank(level) >= 2 or (grave and run.case.gold in TOLD and level not in TOLD)
        for level in run.levels()
    )
