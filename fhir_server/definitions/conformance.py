"""Search parameters, compartments and operation definitions of R4. https://hl7.org/fhir/R4/searchparameter-registry.html"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from fhir_server.definitions.package_data import document, lines

_EXAMPLES = frozenset(
    f"http://hl7.org/fhir/SearchParameter/{name}" for name in ("example", "example-extension", "example-reference")
)
"""Illustrations of the SearchParameter page; two of them contradict the real parameter of the same code."""


@cache
def all_search_parameters() -> tuple[dict[str, Any], ...]:
    """All 1,400 of the core package, examples and ones that cannot be evaluated included."""
    return tuple(document("search_parameters.zst"))


@cache
def search_parameters() -> tuple[dict[str, Any], ...]:
    """The search parameters a server can offer: with base and expression, or common to all resources (_text, _query).

    Keys: url, code, type, base (list), expression, xpathUsage, and where given target (list), component (list of
    {definition, expression}), multipleOr, multipleAnd, comparator, modifier, chain.
    """
    return tuple(
        row
        for row in all_search_parameters()
        if row["url"] not in _EXAMPLES
        and "base" in row
        and ("expression" in row or row["base"][0] in ("Resource", "DomainResource"))
    )


@cache
def compartment(code: str) -> dict[str, list[str]]:
    """Resource type -> codes of the reference parameters that put it into the compartment; other types are never in it.

    `code`: Patient, Encounter, RelatedPerson, Practitioner or Device; KeyError otherwise. The code "{def}" stands for
    the compartment's own resource.
    """
    found: dict[str, list[str]] = orjson.loads(lines("compartments.zst")[code])
    return found


def compartments() -> tuple[str, ...]:
    """Names of the compartments."""
    return tuple(lines("compartments.zst"))


@cache
def operations() -> tuple[dict[str, Any], ...]:
    """Operation definitions: id, url, name, code, affectsState, resource, system, type, instance, parameter."""
    return tuple(document("operations.zst"))
