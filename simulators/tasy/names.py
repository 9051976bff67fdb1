"""Names as they are given in Brazil: common ones, by the bearer's sex and generation, and family names by region.

`names.csv` has them, with the share of each origin in a hundred.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

GENERATION = 1985
"""Born before it: the older names."""

_SECOND = {
    "F": ("", "", "", " CLARA", " EDUARDA", " LUÍZA", " CAROLINA", " BEATRIZ", " APARECIDA", " DAS GRAÇAS"),
    "M": ("", "", "", " HENRIQUE", " GABRIEL", " LUCAS", " CARLOS", " ANTÔNIO", " AUGUSTO", " EDUARDO"),
}
_PARTICLES = ("", "", "", "", "DE ", "DA ", "DOS ", "DO ")


@dataclass(frozen=True, slots=True)
class _Names:
    given: dict[str, list[str]]
    """By sex and generation."""
    family: list[list[str]]
    """The first ones are found everywhere."""
    shares: list[int]


def family(random: Random) -> str:
    """The names of a family: the mother's, then the father's."""
    names = _read()
    first, second = random.choices(names.family, names.shares, k=2)
    particle = random.choice(_PARTICLES) if second is names.family[0] else ""
    return f"{random.choice(first)} {particle}{random.choice(second)}"


def given(random: Random, sex: str, born: int) -> str:
    """A given name, or two. sex: F or M; born: year."""
    names = _read().given[f"{sex} {'before' if born < GENERATION else 'since'} {GENERATION}"]
    return random.choice(names) + random.choice(_SECOND[sex])


@cache
def _read() -> _Names:
    text = resources.files("simulators.tasy").joinpath("names.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    families = [row for row in rows if row["kind"] == "family"]
    return _Names(
        {row["origin"]: row["names"].split() for row in rows if row["kind"] == "given"},
        [row["names"].split() for row in families],
        [int(row["share"]) for row in families],
    )
