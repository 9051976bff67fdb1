"""Codes: which codes of one system are meant, and sets of such as value sets have them. https://hl7.org/fhir/R4/valueset.html#compositions"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Codes:
    """Some codes of a system: those listed or, where `others`, all that are not."""

    listed: frozenset[str] = frozenset()
    others: bool = False

    def __or__(self, more: Codes) -> Codes:
        """What is in either."""
        if self.others and more.others:
            return Codes(self.listed & more.listed, others=True)
        if self.others:
            return Codes(self.listed - more.listed, others=True)
        if more.others:
            return more | self
        return Codes(self.listed | more.listed)

    def __and__(self, more: Codes) -> Codes:
        """What is in both."""
        if self.others and more.others:
            return Codes(self.listed | more.listed, others=True)
        if self.others:
            return Codes(more.listed - self.listed)
        if more.others:
            return more & self
        return Codes(self.listed & more.listed)

    def __sub__(self, less: Codes) -> Codes:
        """What is here and not there."""
        return self & Codes(less.listed, others=not less.others)

    def __contains__(self, code: str) -> bool:
        return (code in self.listed) is not self.others

    def __bool__(self) -> bool:
        return self.others or bool(self.listed)


EVERY = Codes(others=True)
"""Whatever code of the system."""

BySystem = Mapping[str, Codes]
"""System -> its codes. A system that is not there has none."""


def union(one: BySystem, other: BySystem) -> BySystem:
    """What is in either."""
    found = dict(one)
    for system, codes in other.items():
        found[system] = found[system] | codes if system in found else codes
    return found


def intersection(one: BySystem, other: BySystem) -> BySystem:
    """What is in both."""
    return _some({system: one[system] & other[system] for system in one.keys() & other.keys()})


def difference(one: BySystem, other: BySystem) -> BySystem:
    """What is in the first and not in the second."""
    return _some({system: codes - other[system] if system in other else codes for system, codes in one.items()})


def size(codes: BySystem) -> int:
    """How many codes are listed."""
    return sum(len(each.listed) for each in codes.values())


def _some(codes: BySystem) -> BySystem:
    return {system: each for system, each in codes.items() if each}
