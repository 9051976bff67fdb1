"""Writes care_services/triage/rules/everyday.toml and everyday_words.txt: which words are those of everyday stories and
which of emergencies, learnt from the judged cases of triage and from what members write who want nothing of a clinician
(the examples of the intents); the same each time. Run it when a set of cases was met unseen and may be learnt from;
names of sets learn from those alone.

It prints how stories of each set sound to weights that were learnt from all others, and sets the scores below which a
story sounds everyday and above which it sounds grave by those.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from care_services.intent.examples import examples
from care_services.triage.everyday import features
from care_services.triage.rule_set import RULES, rules
from care_services.triage.scanner import scan
from hub.evaluation.cases import read_cases
from hub.evaluation.figures import TOLD
from hub.evaluation.run_intent import CLINICAL

CASES = Path("tests/care_services/triage/cases")
LEAST = 3
"""Stories that have a feature, below which it is left out."""
REGULAR = 3e-4
QUIET, ALARMING = 0.02, 0.0025
"""Of the grave stories of sets not learnt from, those that may sound everyday; of the others, those that may sound
grave."""
WISHES, SHARE = "wishes", 0.1
"""Where stories are from that are no cases, but texts of administration and small talk; what they weigh together among
those that are not grave."""
FINENESS = 100
"""Steps of a weight in one."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """A form of a case, or a text of WISHES: what it has, and whether it was judged to need help at once."""

    wave: str
    seen: frozenset[str]
    grave: bool


class Learnt:
    """A weight for each feature that enough stories have, so that a story without them says nothing. Rare features may
    weigh more than common ones."""

    def __init__(self, stories: Sequence[Story]) -> None:
        counted = Counter(name for one in stories for name in one.seen)
        self._columns = {name: at for at, name in enumerate(sorted(n for n, many in counted.items() if many >= LEAST))}
        self._rarity = np.log((1 + len(stories)) / (1 + np.array([counted[name] for name in self._columns]))) + 1
        rows, gold = self._rows(stories), np.array([1.0 if one.grave else -1.0 for one in stories])
        wish = np.array([one.wave == WISHES for one in stories])
        heavy = [(gold > 0, 1.0), ((gold < 0) & ~wish, 1 - SHARE if wish.any() else 1.0), (wish, SHARE)]
        each = sum(0.5 * share * own / max(own.sum(), 1) for own, share in heavy)

        def loss(weights: Array) -> tuple[float, Array]:
            margin = gold * (rows @ weights)
            slope = -each * gold / (1 + np.exp(margin))
            own = (each * np.logaddexp(0, -margin)).sum() + REGULAR * (weights @ weights) / 2
            return float(own), rows.T @ slope + REGULAR * weights

        start = np.zeros(len(self._columns))
        self._weights: Array = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x

    def _rows(self, stories: Sequence[Story]) -> Any:
        at = [sorted(self._columns[name] for name in one.seen if name in self._columns) for one in stories]
        columns = [column for known in at for column in known]
        lines = [line for line, known in enumerate(at) for _ in known]
        lengths = np.array([max(len(one.seen), 1) for one in stories]) ** -0.5
        values = self._rarity[columns] * lengths[lines]
        return csr_matrix((values, (lines, columns)), (len(stories), len(self._columns)))

    def scores(self, stories: Sequence[Story]) -> Array:
        """How grave each sounds."""
        scores: Array = self._rows(stories) @ self._weights
        return scores

    def weights(self) -> dict[str, int]:
        """As they are kept; what weighs nothing is left out."""
        kept = np.round(self._weights * self._rarity * FINENESS).astype(int)
        return {name: int(weight) for name, weight in zip(self._columns, kept, strict=True) if weight}


def stories(path: Path) -> list[Story]:
    """All forms of all cases of a set."""
    using = rules()
    return [
        Story(path.stem, frozenset(features(scan("\n".join(form), using).words.words)), case.gold in TOLD)
        for case in read_cases(path)[0]
        for form in case.forms.values()
    ]


def wishes() -> list[Story]:
    """What members write who want nothing of a clinician."""
    using = rules()
    return [
        Story(WISHES, frozenset(features(scan(text, using).words.words)), grave=False)
        for text, intent in examples()
        if intent not in CLINICAL
    ]


def unseen(told: Sequence[Story]) -> Array:
    """The score of each story by weights that were learnt from the sets it is not of."""
    scores = np.zeros(len(told))
    waves = np.array([one.wave for one in told])
    for wave in dict.fromkeys(waves.tolist()):
        learnt = Learnt([one for one in told if one.wave != wave])
        scores[waves == wave] = learnt.scores([one for one in told if one.wave == wave])
    return scores


def digest(path: Path) -> str:
    """Of a set of cases."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(names: Sequence[str]) -> None:
    paths = [path for path in sorted(CASES.glob("*.jsonl")) if not names or path.stem in names]
    cases, more = [story for path in paths for story in stories(path)], wishes()
    told = [*cases, *more]
    known = unseen(told)
    scores, grave = known[: len(cases)], np.array([one.grave for one in cases])
    print("of stories not learnt from, each set by the others; everyday: of those judged urgent or lower")
    for missed in (0, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05):
        below = np.quantile(scores[grave], missed)
        print(f"{missed:7.2%} of {grave.sum()} grave below {below:6.2f}, {(scores[~grave] < below).mean():.1%} of "
              f"{(~grave).sum()} everyday")  # fmt: skip
    for alarmed in (0, 0.0025, 0.005, 0.01, 0.02):
        above = np.quantile(scores[~grave], 1 - alarmed)
        print(f"{alarmed:7.2%} of {(~grave).sum()} everyday above {above:6.2f}, {(scores[grave] > above).mean():.1%} "
              f"of {grave.sum()} grave")  # fmt: skip
    below, above = float(np.quantile(scores[grave], QUIET)), float(np.quantile(scores[~grave], 1 - ALARMING))
    for path in paths:
        own = np.array([one.wave == path.stem for one in cases])
        print(f"{path.stem:10} grave {(scores[own & grave] < below).sum():3} of {(own & grave).sum():3} everyday "
              f"{(scores[own & ~grave] < below).sum():3} of {(own & ~grave).sum():3}")  # fmt: skip
    print(f"{WISHES:10} everyday {(known[len(cases) :] < below).sum()} of {len(more)}, learnt from the cases alone")
    learnt = Learnt(told)
    kept = learnt.weights()
    (RULES / "everyday_words.txt").write_text("".join(f"{kept[name]} {name}\n" for name in sorted(kept)))
    (RULES / "everyday.toml").write_text(
        "# How everyday a story sounds; what each word weighs stands in everyday_words.txt. Written by\n"
        "# `python -m scripts.train_everyday`, which prints how well it does on sets it has not learnt from.\n"
        f"below = {below:.2f}\nabove = {above:.2f}\nscale = {1 / FINENESS}\n"
        "# The sets of cases it has learnt from, as they were then.\n[learnt]\n"
        + "".join(f'{path.stem} = "{digest(path)}"\n' for path in paths)
    )
    print(f"{len(kept)} features, below {below:.2f}, above {above:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
