"""Chronic conditions of members: who has which, by age and by what they have already. The figures are made up.

A member has a condition with the probability of their age, more often together with those it comes with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

AGES = (0, 18, 40, 60, 75)
"""First years of the bands that the figures below are for."""


@dataclass(frozen=True, slots=True)
class Chronic:
    """A chronic condition: CID-10 without dot, probability in each band of `AGES`, what it comes with."""

    code: str
    name: str
    shares: tuple[float, float, float, float, float]
    specialty: str
    """CBO of who follows it."""
    after: str = ""
    """With that one it is `factor` times as frequent."""
    factor: float = 1
    sex: str = ""
    """Of that sex alone."""


CHRONIC = (
    Chronic("I10", "Hipertensão essencial (primária)", (0.002, 0.05, 0.30, 0.55, 0.65), "225120"),
    Chronic("E119", "Diabetes mellitus não insulino-dependente", (0.001, 0.01, 0.06, 0.13, 0.15), "225155", "I10", 2.2),
    Chronic("E785", "Hiperlipidemia não especificada", (0.002, 0.05, 0.17, 0.22, 0.2), "225120", "I10", 1.8),
    Chronic("I259", "Doença isquêmica crônica do coração", (0, 0.002, 0.015, 0.05, 0.09), "225120", "E119", 2.5),
    Chronic("N189", "Insuficiência renal crônica", (0, 0.002, 0.008, 0.025, 0.05), "225109", "E119", 2.5),
    Chronic("E669", "Obesidade não especificada", (0.05, 0.16, 0.24, 0.22, 0.12), "225155"),
    Chronic("J459", "Asma não especificada", (0.09, 0.05, 0.04, 0.04, 0.04), "225110"),
    Chronic("J449", "Doença pulmonar obstrutiva crônica", (0, 0.002, 0.02, 0.06, 0.09), "225125"),
    Chronic("E039", "Hipotireoidismo não especificado", (0.003, 0.03, 0.05, 0.07, 0.08), "225155"),
    Chronic("F329", "Episódio depressivo não especificado", (0.01, 0.08, 0.1, 0.08, 0.08), "225133"),
    Chronic("F411", "Ansiedade generalizada", (0.02, 0.1, 0.08, 0.05, 0.04), "225133", "F329", 2),
    Chronic("M545", "Dor lombar baixa", (0.003, 0.08, 0.16, 0.18, 0.18), "225270"),
    Chronic("M179", "Gonartrose não especificada", (0, 0.003, 0.03, 0.12, 0.18), "225270", "E669", 1.6),
    Chronic("C509", "Neoplasia maligna da mama", (0, 0.001, 0.006, 0.012, 0.014), "225250", sex="F"),
    Chronic("C61", "Neoplasia maligna da próstata", (0, 0, 0.003, 0.02, 0.04), "225285", sex="M"),
)


def chronic(random: Random, age: int, sex: str) -> list[Chronic]:
    """The chronic conditions of somebody of this age."""
    band = sum(age >= first for first in AGES) - 1
    found: list[Chronic] = []
    had: set[str] = set()
    for one in CHRONIC:
        share = one.shares[band] * (one.factor if one.after in had else 1)
        # Drawn whether or not it can be: whoever else comes later in the family stays who they are.
        if random.random() < share and one.sex in ("", sex):
            found.append(one)
            had.add(one.code)
    return found


def rate(age: int, sex: str, conditions: Sequence[str]) -> float:
    """Visits a year on average: more of small children, women of child-bearing age and the old, a third more for each
    condition."""
    if age < 5:
        base = 5.5
    elif age < 18:
        base = 2.2
    elif age < 40:
        base = 2.0 if sex == "M" else 3.8
    elif age < 60:
        base = 2.8 if sex == "M" else 4.0
    else:
        base = 5.0 if age < 75 else 6.5
    return base * (1 + len(conditions) / 3)
