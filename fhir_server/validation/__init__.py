"""Validation of resources against the base definitions of R4. https://hl7.org/fhir/R4/validation.html"""

from __future__ import annotations

from fhir_server.outcome import Issue
from fhir_server.validation.problem import Problem, Scope
from fhir_server.validation.shape import resource_found
from mappings.r4 import Json

__all__ = ["validate"]

_MAX_ISSUES = 200


def validate(resource: Json, *, resource_type: str | None = None, warnings: bool = True) -> list[Issue]:
    """Issues of the resource, in the order of its elements; empty if there is nothing to say.

    `resource` is parsed JSON. With `resource_type` it must be of that type. Issues of severity warning (best practice)
    come only with `warnings`; everything else is of severity error. Never changes the resource.
    """
    found = resource_found(resource, Scope(resource, warnings))
    if found is None:
        found = []
    if resource_type is not None and type(resource) is dict and resource.get("resourceType") != resource_type:
        found = [Problem("structure", f"must be {resource_type}", "resourceType"), *found]
    if not found:
        return []
    name = resource.get("resourceType") if type(resource) is dict else None
    root = name if type(name) is str and name.isalnum() else resource_type or "Resource"
    return [_issue(problem, root) for problem in found[:_MAX_ISSUES]]


def _issue(problem: Problem, root: str) -> Issue:
    path = ".".join((root, *reversed(problem.path)))
    words = problem.text
    if words.startswith(("must ", "is ", "has ")):
        words = f"{problem.path[0] if problem.path else root} {words}"
    return Issue(problem.code, words, (path,), problem.severity)
