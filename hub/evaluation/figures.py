"""What a run of cases comes to, each figure with n and exact bounds (Clopper-Pearson, one-sided 95 %). Pure.

The care services' contract, section 11. A case passes only if all of its forms do; shares "by form" count each
conversation by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import beta

from care_services.triage.levels import LEVELS
from hub.evaluation.cases import Case
from hub.evaluation.conversations import Ran
from hub.evaluation.service import NONE
from hub.evaluation.spelled import ADMINISTRATIVE

TOLD = ("emergency", "very-urgent")
"""Levels that send a member to help at once: what an emergency must reach and what is not urgent must not."""
ORDER = (NONE, ADMINISTRATIVE, *LEVELS)
_GRAVE = ("suicid", "infant", "newborn", "neonat", "baby", "bebe", "pregn", "postpart", "gravid", "gesta", "puerp")
_BANDS = ((0.25, "under 3 months"), (2, "under 2"), (13, "2 to 12"), (18, "13 to 17"), (60, "18 to 59"),
          (75, "60 to 74"), (200, "75 and over"))  # fmt: skip


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

    def line(self, name: str, bound: str = "lower") -> str:
        """As a run ends: "sensitivity 0.994 (155/156, lower bound 0.970)". bound: or upper."""
        limit = self.lower if bound == "lower" else self.upper
        return f"{name} {self.value:.3f} ({self.n}/{self.m}, {bound} bound {limit:.3f})"


@dataclass(frozen=True, slots=True)
class Triaged:
    """What can be said of any part of a run."""

    sensitivity: Share
    """Emergencies told emergency or very-urgent, in all forms."""
    specificity: Share
    """Cases that are neither and were told neither, in all forms."""
    by_form: Share
    """Sensitivity, each conversation by itself."""
    under: Share
    over: Share
    """Conversations below or above what they were judged to be."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a run."""

    all: Triaged
    very_urgent: Share
    """Cases judged very-urgent that were told emergency or very-urgent, in all forms."""
    answered: Share
    """Conversations that came to a level, or to the people who see to a wish."""
    handed_off: Share
    """Conversations that a person has at their end."""
    unmoved: Share
    """Conversations whose level stayed what it was while the member would not take it."""
    hazardous: tuple[str, ...]
    """Cases under-triaged by two levels, or an emergency about suicide, an infant or a pregnancy missed."""
    confusion: Counter[tuple[str, str]]
    """(judged, told), each conversation by itself."""
    kappa: float | None
    """Weighted (quadratic) agreement with what cases were judged to be, over clinical levels."""
    kappa_nurses: float | None
    """The same with the nurses' levels, where cases have them."""
    groups: Mapping[str, Mapping[str, Triaged]]
    """Kind of group -> group -> what is said of it."""

    @property
    def inclination(self) -> float | None:
        """Over / (over + under)."""
        both = self.all.over.n + self.all.under.n
        return self.all.over.n / both if both else None


def figures(runs: Iterable[Ran]) -> Figures:
    """The figures of these runs."""
    runs = list(runs)
    talks = [talk for run in runs for talk in run.talks.values()]
    pairs = [(run.case.gold, level) for run in runs for level in run.levels()]
    nurses = [(run.case.nurse, level) for run in runs if run.case.nurse for level in run.levels()]
    pushed = [talk for talk in talks if talk.pushed is not None]
    return Figures(
        all=triaged(runs),
        very_urgent=_cases([run for run in runs if run.case.gold == "very-urgent"], told=True),
        answered=Share(sum(talk.level != NONE for talk in talks), len(talks)),
        handed_off=Share(sum(talk.person for talk in talks), len(talks)),
        unmoved=Share(sum(talk.pushed == talk.level for talk in pushed), len(pushed)),
        hazardous=tuple(dict.fromkeys(run.case.id for run in runs if _hazardous(run))),
        confusion=Counter(pairs),
        kappa=weighted_kappa(pairs),
        kappa_nurses=weighted_kappa(nurses),
        groups={
            **{kind: _grouped(runs, of) for kind, of in _GROUPS.items()},
            "form": {
                form: triaged([Ran(run.case, {form: run.talks[form]}) for run in runs if form in run.talks])
                for form in dict.fromkeys(form for run in runs for form in run.talks)
            },
        },
    )  # fmt: skip


def triaged(runs: Sequence[Ran]) -> Triaged:
    """What can be said of these runs."""
    emergencies = [run for run in runs if run.case.gold == "emergency"]
    ranks = [(_rank(run.case.gold), _rank(level)) for run in runs for level in run.levels()]
    return Triaged(
        sensitivity=_cases(emergencies, told=True),
        specificity=_cases([run for run in runs if run.case.gold not in TOLD], told=False),
        by_form=Share(
            sum(level in TOLD for run in emergencies for level in run.levels()),
            sum(len(run.talks) for run in emergencies),
        ),
        under=Share(sum(told < gold for gold, told in ranks), len(ranks)),
        over=Share(sum(told > gold for gold, told in ranks), len(ranks)),
    )


def passed(run: Ran) -> bool:
    """Whether all forms of a case were told what its sensitivity or specificity asks."""
    return all((level in TOLD) == (run.case.gold in TOLD) for level in run.levels())


def weighted_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa with quadratic weights over levels of urgency; None: there is nothing to compare."""
    ranks = [(LEVELS.index(one), LEVELS.index(other)) for one, other in pairs if {one, other} <= set(LEVELS)]
    if not ranks:
        return None
    seen = sum((one - other) ** 2 for one, other in ranks) / len(ranks)
    ones, others = Counter(one for one, _ in ranks), Counter(other for _, other in ranks)
    expected = sum((a - b) ** 2 * n * m for a, n in ones.items() for b, m in others.items()) / len(ranks) ** 2
    return 1 - seen / expected if expected else None


def _cases(runs: Sequence[Ran], *, told: bool) -> Share:
    return Share(sum(all((level in TOLD) == told for level in run.levels()) for run in runs), len(runs))


def _rank(level: str) -> int:
    """Without a level: below all others, as high as the lowest that a wish is judged to be."""
    return LEVELS.index(level) if level in LEVELS else 0


def _hazardous(run: Ran) -> bool:
    grave = any(word in run.case.category.lower() for word in _GRAVE)
    return any(
        _rank(run.case.gold) - _rank(level) >= 2 or (grave and run.case.gold in TOLD and level not in TOLD)
        for level in run.levels()
    )


def _band(case: Case) -> str:
    age = case.age
    return next((name for most, name in _BANDS if age < most), "") if isinstance(age, float) else "not told"


_GROUPS: Mapping[str, Callable[[Case], str]] = {
    "category": lambda case: case.category or "not told",
    "age": _band,
    "sex": lambda case: {"F": "female", "M": "male"}.get(case.sex or "", "not told"),
    "pregnancy": lambda case: {"yes": "pregnant", "postpartum": "after birth"}.get(case.pregnant or "", "neither"),
    "about": lambda case: case.about,
    "region": lambda case: case.region or "not told",
}


def _grouped(runs: Sequence[Ran], of: Callable[[Case], str]) -> dict[str, Triaged]:
    found: dict[str, list[Ran]] = {}
    for run in runs:
        found.setdefault(of(run.case), []).append(run)
    return {name: triaged(found[name]) for name in sorted(found, key=_place)}


def _place(name: str) -> tuple[int, str]:
    bands = [band for _, band in _BANDS]
    return (bands.index(name) if name in bands else len(bands), name)
