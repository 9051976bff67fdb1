"""Invariants as checks: native where that is much faster or R4's own expression is at fault, FHIRPath otherwise. https://hl7.org/fhir/R4/conformance-rules.html#constraints"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.definitions import Constraint
from fhir_server.fhirpath import FhirPathError, compile_expression
from fhir_server.validation.bundle_invariants import STATED
from fhir_server.validation.invariants import NATIVE, STRUCTURAL
from fhir_server.validation.problem import Found, Problem, Scope
from fhir_server.validation.resource_invariants import BY_EXPRESSION
from mappings.r4 import Json

Holds = Callable[[Any, Scope], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant, ready to run on an element."""

    constraint: Constraint
    holds: Holds

    def check(self, node: Any, scope: Scope) -> Found:
        """The invariant as a problem where it does not hold."""
        if (scope.warnings or self.constraint.severity == "error") and not self.holds(node, scope):
            return [self.broken()]
        return None

    def broken(self) -> Problem:
        """The problem of an element that does not hold it."""
        constraint = self.constraint
        return Problem("invariant", f"{constraint.key}: {constraint.human.strip()}", severity=constraint.severity)


EMPTY_HOLDS = frozenset({"inv-1", "mdd-1", "ras-2"})
"""Invariants whose expression is empty where it cannot tell: dates of unlike precision in order, a probability that is
no decimal. Elsewhere empty does not hold."""


def rules(constraints: Iterable[Constraint], type_name: str) -> tuple[Rule, ...]:
    """Rules of the constraints of one type or element; those the walk itself enforces are left out."""
    defined = [
        Rule(constraint, holds(constraint, type_name)) for constraint in constraints if constraint.key not in STRUCTURAL
    ]
    return (*defined, *(Rule(constraint, function) for constraint, function in STATED.get(type_name, ())))


@cache
def holds(constraint: Constraint, type_name: str) -> Holds:
    """The invariant as a function of node and scope."""
    native = NATIVE.get(constraint.key) or BY_EXPRESSION.get(constraint.expression)
    return native or fhirpath_holds(constraint, type_name)


def fhirpath_holds(constraint: Constraint, type_name: str) -> Holds:
    """The invariant as its FHIRPath expression says."""
    expression = compile_expression(constraint.expression)
    empty_holds = constraint.key in EMPTY_HOLDS

    def check(node: Json, scope: Scope) -> bool:
        def resolve(reference: str) -> Json:
            return scope.contained(reference[1:]) if reference.startswith("#") else None

        try:
            held = expression.holds(
                node, resource=scope.resource, root=scope.root, resolve=resolve, type_name=type_name
            )
        except FhirPathError:
            # The element is not what the expression expects, such as several values where it compares one.
            return False
        return empty_holds if held is None else held

    return check
