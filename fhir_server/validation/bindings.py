"""Required bindings: codes, Codings, CodeableConcepts against their value set. https://hl7.org/fhir/R4/terminologies.html"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from fhir_server.definitions import value_set
from fhir_server.validation.primitives import FORMATS, Format
from fhir_server.validation.problem import Found, Node, Problem, Scope
from mappings.r4 import Json

Extra = Callable[[Node, Scope], Found]
"""A further check of an element that is well-formed by itself."""

Systems = Mapping[str, frozenset[str] | None]

_OPEN_CODES: Mapping[str, re.Pattern[str]] = {"urn:iso:std:iso:4217": re.compile("[A-Z]{3}")}
"""Systems whose codes are not listed but have a form of their own. BCP 13 has none: R4 itself writes "json"."""


@cache
def code_format(url: str) -> Format | None:
    """Format of a code bound to the value set; None where it restricts nothing."""
    systems = value_set(url)
    if systems is None:
        return None
    words = f"must be a code of {url}"
    listed = listed_codes(url)
    if listed is None:
        pattern = next((_OPEN_CODES[system] for system in systems if system in _OPEN_CODES), None)
        return _matching(pattern, words) if pattern else None
    not_text = FORMATS["code"]

    def check(value: Json) -> str | None:
        if type(value) is not str:
            return not_text(value)
        return None if value in listed else words

    return check


@cache
def listed_codes(url: str) -> frozenset[str] | None:
    """The codes of the value set; None where it is not known, or not all of them are listed."""
    systems = value_set(url)
    if systems is None or any(codes is None for codes in systems.values()):
        return None
    return frozenset[str]().union(*(codes for codes in systems.values() if codes))


def _matching(pattern: re.Pattern[str], words: str) -> Format:
    not_text = FORMATS["code"]

    def check(value: Json) -> str | None:
        if type(value) is not str:
            return not_text(value)
        return None if pattern.fullmatch(value) else words

    return check


def concept_check(url: str, type_name: str) -> Extra | None:
    """Check of a Coding, CodeableConcept or Quantity bound to the value set; None where it restricts nothing."""
    systems = value_set(url)
    if systems is None or type_name not in _CODED:
        return None
    codings, text = _CODED[type_name], f"must have a code of {url}"

    def check(node: Node, scope: Scope) -> Found:
        for coding in codings(node):
            if type(coding) is dict and _listed(systems, coding):
                return None
        return [Problem("code-invalid", text)]

    return check


def _listed(systems: Systems, coding: Node) -> bool:
    system, code = coding.get("system"), coding.get("code")
    if type(system) is not str or type(code) is not str or system not in systems:
        return False
    codes = systems[system]
    return codes is None or code in codes


def _of_concept(node: Node) -> list[Json]:
    codings = node.get("coding")
    return codings if type(codings) is list else []


_CODED: Mapping[str, Callable[[Node], list[Json]]] = {
    "CodeableConcept": _of_concept,
    "Coding": lambda node: [node],
    "Quantity": lambda node: [node],
}
