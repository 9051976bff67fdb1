"""Probe: the set of resources one search value asks for, as a condition on one search table. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """The rids of `select {t}.rid from <table> {t} where <where>`, united with those of `others`."""

    table: str
    """A search table, or `resource` for _id and _lastUpdated."""
    where: str
    """SQL over the table's columns; the alias stands as the placeholder "{t}". Values are in Parameters only."""
    others: tuple[tuple[str, str], ...] = ()
    """Further (table, where): the value is also found there."""
    negated: bool = False
    """The parameter asks for the complement (:not): resources that are in none of these sets."""
    patient_value: str | None = None
    """The same condition over `patient_value` (which has no more than the tokens of a patient), without its
    patient_rid; None where that table cannot answer."""

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """Every (table, where), to be united."""
        return ((self.table, self.where), *self.others)


NOTHING = "false"
"""The condition of a value that no resource can have."""


def either(conditions: Sequence[str]) -> str:
    """The conditions joined by or; of none, NOTHING."""
    if len(conditions) == 1:
        return conditions[0]
    return "(" + " or ".join(conditions) + ")" if conditions else NOTHING


def one_of(column: str, values: Sequence[int]) -> str:
    """Column equals one of the integers: for param_id, which comes from the definitions and never from a request."""
    numbers = sorted(set(values))
    if len(numbers) == 1:
        return f"{{t}}.{column} = {numbers[0]}"
    return f"{{t}}.{column} in ({', '.join(map(str, numbers))})"
