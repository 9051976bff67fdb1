"""The conditions that flags, pairs, floors and complaints are written in: "fever|temp>=37.8 age<2" holds when of each
word one alternative holds. There is no "not": more that is known can only make more hold, so that urgency never
falls."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

_COMPARED = re.compile(r"([a-z_]+)(>=|<=|<|>)(\d+(?:\.\d+)?)")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
FACTS = frozenset({
    "age", "age_days", "temp", "temp_low", "sat", "systolic", "diastolic", "systolic_low", "glucose", "glucose_low",
    "pulse", "pulse_low", "weeks", "postpartum_days", "surgery_days",
})  # fmt: skip
"""What conditions may compare: numbers that `measures` and `person` read."""


class BadCondition(ValueError):
    """A condition that cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A finding that is present, or a fact compared with a number. A fact that is not known compares false."""

    name: str
    compare: str = ""
    number: float = 0.0

    def holds(self, present: Collection[str], facts: Mapping[str, float]) -> bool:
        if not self.compare:
            return self.name in present
        value = facts.get(self.name)
        return value is not None and _OPERATORS[self.compare](value, self.number)


@dataclass(frozen=True, slots=True)
class Condition:
    """All of its alternatives must hold, each by one of its atoms."""

    source: str
    parts: tuple[tuple[Atom, ...], ...]

    def because(self, present: Collection[str], facts: Mapping[str, float]) -> tuple[Atom, ...] | None:
        """The atoms it holds by, one for each word; None: it does not hold."""
        found = []
        for part in self.parts:
            for atom in part:  # no generator: it is asked some hundred times for every message
                if atom.holds(present, facts):
                    found.append(atom)
                    break
            else:
                return None
        return tuple(found)


def condition(source: str, findings: Collection[str]) -> Condition:
    """Reads a condition over these findings. Raises BadCondition."""
    parts = tuple(tuple(_atom(one, source, findings) for one in word.split("|")) for word in source.split())
    if not parts:
        raise BadCondition("an empty condition")
    return Condition(source, parts)


def _atom(written: str, source: str, findings: Collection[str]) -> Atom:
    compared = _COMPARED.fullmatch(written)
    if compared and compared[1] in FACTS:
        return Atom(compared[1], compared[2], float(compared[3]))
    if written in findings:
        return Atom(written)
    raise BadCondition(f"{source!r}: there is no finding or fact {written!r}")
