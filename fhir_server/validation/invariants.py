"""Invariants of data types written in Python, since they run on almost every write. https://hl7.org/fhir/R4/datatypes.html

Each function takes the element that carries the invariant and its scope, and is true where it holds. It is called only
on elements whose structure is right. A test holds every one of them against its FHIRPath expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.validation.bundle_invariants import BUNDLE
from fhir_server.validation.compared import not_above
from fhir_server.validation.problem import Node, Scope
from fhir_server.validation.resource_invariants import RESOURCE

UCUM = "http://unitsofmeasure.org"

STRUCTURAL = frozenset({"ele-1", "ext-1", "txt-1", "txt-2"})
"""Held by the walk itself: an element has content, an extension a value or extensions, a narrative is safe XHTML."""


def _has(node: Node, name: str) -> bool:
    return name in node or "_" + name in node


def _ref_1(node: Node, scope: Scope) -> bool:
    reference = node.get("reference")
    if type(reference) is not str or reference[0] != "#" or reference == "#":
        # "#" alone refers to the container from within, which the expression overlooks.
        return True
    return scope.contained(reference[1:]) is not None


def _per_1(node: Node, scope: Scope) -> bool:
    start, end = node.get("start"), node.get("end")
    return start is None or end is None or not_above(start, end)


def _qty_3(node: Node, scope: Scope) -> bool:
    return not _has(node, "code") or _has(node, "system")


def _coded_amount(node: Node) -> bool:
    """(code.exists() or value.empty()) and (system.empty() or system = %ucum)"""
    return (_has(node, "code") or not _has(node, "value")) and ("system" not in node or node["system"] == UCUM)


def _age_1(node: Node, scope: Scope) -> bool:
    return _coded_amount(node) and ("value" not in node or node["value"] > 0)


def _cnt_3(node: Node, scope: Scope) -> bool:
    whole = "value" not in node or "." not in str(node["value"])
    return _coded_amount(node) and ("code" not in node or node["code"] == "1") and whole


def _drt_1(node: Node, scope: Scope) -> bool:
    return not _has(node, "code") or (node.get("system") == UCUM and _has(node, "value"))


def _rng_2(node: Node, scope: Scope) -> bool:
    low, high = node.get("low"), node.get("high")
    if low is None or high is None or "value" not in low or "value" not in high:
        return True
    # Amounts of different units may well be in order; R4 leaves converting them to the reader.
    same_unit = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    return bool(not same_unit or low["value"] <= high["value"])


def _rat_1(node: Node, scope: Scope) -> bool:
    numerator = "numerator" in node
    return numerator == ("denominator" in node) and (numerator or "extension" in node)


def _tim_9(node: Node, scope: Scope) -> bool:
    # The expression asks for a single `when`; an element that repeats cannot be asked so.
    meals = {"C", "CM", "CD", "CV"}
    return not _has(node, "offset") or ("when" in node and meals.isdisjoint(node["when"]))


def needs(name: str, other: str) -> Callable[[Node, Scope], bool]:
    """name.exists() implies other.exists()"""

    def holds(node: Node, scope: Scope) -> bool:
        return not _has(node, name) or _has(node, other)

    return holds


def some_of(*names: str) -> Callable[[Node, Scope], bool]:
    """a.exists() or b.exists() ..."""

    def holds(node: Node, scope: Scope) -> bool:
        return any(_has(node, name) for name in names)

    return holds


def not_both(name: str, other: str) -> Callable[[Node, Scope], bool]:
    """a.empty() or b.empty()"""

    def holds(node: Node, scope: Scope) -> bool:
        return not _has(node, name) or not _has(node, other)

    return holds


def _not_negative(name: str) -> Callable[[Node, Scope], bool]:
    def holds(node: Node, scope: Scope) -> bool:
        return bool(node.get(name, 0) >= 0)

    return holds


NATIVE: Mapping[str, Callable[[Any, Scope], bool]] = {
    "ref-1": _ref_1,
    "per-1": _per_1,
    "qty-3": _qty_3,
    "age-1": _age_1,
    "cnt-3": _cnt_3,
    "dis-1": lambda node, scope: _coded_amount(node),
    "drt-1": _drt_1,
    "rng-2": _rng_2,
    "rat-1": _rat_1,
    "att-1": needs("data", "contentType"),
    "cpt-2": needs("value", "system"),
    "tim-1": needs("duration", "durationUnit"),
    "tim-2": needs("period", "periodUnit"),
    "tim-4": _not_negative("duration"),
    "tim-5": _not_negative("period"),
    "tim-6": needs("periodMax", "period"),
    "tim-7": needs("durationMax", "duration"),
    "tim-8": needs("countMax", "count"),
    "tim-9": _tim_9,
    "tim-10": not_both("timeOfDay", "when"),
    "exp-1": some_of("expression", "reference"),
    "pat-1": some_of("name", "telecom", "address", "organization"),
    "obs-3": some_of("low", "high", "text"),
    # The expression asks for System.Boolean, which no answer in FHIR is.
    "que-7": lambda node, scope: node.get("operator") != "exists" or _has(node, "answerBoolean"),
    **RESOURCE,
    **BUNDLE,
}
"""Invariant key -> function. Keys that R4 uses twice (inv-1, inv-2) have none."""
