"""A synthetic plan of any size: families and providers. The same size, seed and day give the same plan.

docs/simulators.md says by which random process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from simulators.tasy.families import family
from simulators.tasy.providers import providers

Json = dict[str, Any]

DAY = date(2026, 3, 10)


@dataclass(slots=True)
class Plan:
    """Members and providers, as Tasy tells of them."""

    members: list[Json] = field(default_factory=list)
    """With `segurado`, `carteira`, `plano` and `carencias`, as in an eligibility answer, and `cadastro`."""
    providers: list[Json] = field(default_factory=list)


def population(size: int, seed: int = 1, today: date = DAY) -> Plan:
    """A plan of so many members. today: what ages and contracts are counted from."""
    return Plan(list(members(size, seed, today)), list(providers(size, seed, today)))


def members(size: int, seed: int = 1, today: date = DAY) -> Iterator[Json]:
    """So many members, one after the other, families together; nothing of them is kept."""
    number, left = 0, size
    while left > 0:
        found = family(seed, number, today)[:left]
        yield from found
        left, number = left - len(found), number + 1
