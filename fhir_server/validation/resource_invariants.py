"""Invariants of resources written in Python. https://hl7.org/fhir/R4/domainresource.html#invs"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from fhir_server.definitions import is_a, structure
from fhir_server.validation.problem import Node, Scope
from mappings.r4 import Json

_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ALLERGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
_NAME = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}")


def _without_in_contained(*names: str) -> Callable[[Node, Scope], bool]:
    def holds(node: Node, scope: Scope) -> bool:
        return not any(name in entry.get("meta", ()) for entry in node.get("contained") or () for name in names)

    return holds


def _dom_2(node: Node, scope: Scope) -> bool:
    return not any("contained" in entry for entry in node.get("contained") or ())


def _dom_3(node: Node, scope: Scope) -> bool:
    contained = node.get("contained")
    if not contained:
        return True
    wanted = {"#" + entry.get("id", "") for entry in contained}
    if _all_referenced(node, wanted):
        return True
    used = set(_fragments(node, node["resourceType"]))
    return all(
        "#" + entry.get("id", "") in used or "#" in _fragments(entry, entry["resourceType"]) for entry in contained
    )


def _all_referenced(node: Node, wanted: set[str]) -> bool:
    """Whether each of the fragments is a Reference's below the node: the usual case, found without looking at types."""
    nodes = [node]
    for each in nodes:  # which grows: what is nearest to the container comes first
        for name, value in each.items():
            if type(value) is dict:
                nodes.append(value)
            elif type(value) is list:
                nodes += [item for item in value if type(item) is dict]
            elif name == "reference":
                wanted.discard(value)
                if not wanted:
                    return True
    return False


@cache
def _children(type_name: str) -> Mapping[str, str]:
    """JSON name -> type of the elements below which a reference can be."""
    return {
        json_name: kind.code
        for element in structure(type_name).elements.values()
        for json_name, kind in element.json_names().items()
    }


_REFERRING = frozenset({"uri", "url", "canonical"})


def _fragments(node: Node, type_name: str) -> Iterator[str]:
    """Texts in `reference`, uri, url and canonical elements below the node."""
    kinds = _children(type_name)
    for name, value in node.items():
        kind = kinds.get(name)
        for item in value if type(value) is list else (value,):
            if type(item) is str:
                if kind in _REFERRING or name == "reference":
                    yield item
            elif type(item) is dict:
                if name[0] == "_":
                    yield from _fragments(item, "Element")
                elif kind is not None:
                    actual = item.get("resourceType", "") if is_a(kind, "Resource") else kind
                    yield from _fragments(item, actual)


def _coded(concept: Json, system: str, *codes: str) -> bool:
    """concept.coding.where(system = ... and code in ...).exists()"""
    if concept is None:
        return False
    return any(coding.get("system") == system and coding.get("code") in codes for coding in concept.get("coding") or ())


def _con_3(node: Node, scope: Scope) -> bool:
    in_error = _coded(node.get("verificationStatus"), _VERIFICATION, "entered-in-error")
    # The expression compares a whole category with a code, so that any category counts as a problem list item.
    return "clinicalStatus" in node or in_error or "category" not in node


def _con_4(node: Node, scope: Scope) -> bool:
    ended = any(name.startswith(("abatement", "_abatement")) for name in node)
    return not ended or _coded(node.get("clinicalStatus"), _CLINICAL, "resolved", "remission", "inactive")


def _con_5(node: Node, scope: Scope) -> bool:
    in_error = _coded(node.get("verificationStatus"), _VERIFICATION, "entered-in-error")
    return not in_error or "clinicalStatus" not in node


def _ait_1(node: Node, scope: Scope) -> bool:
    return "clinicalStatus" in node or _coded(node.get("verificationStatus"), _ALLERGY, "entered-in-error")


def _ait_2(node: Node, scope: Scope) -> bool:
    in_error = _coded(node.get("verificationStatus"), _ALLERGY, "entered-in-error")
    return not in_error or "clinicalStatus" not in node


def _has_value(node: Node) -> bool:
    return any(name.startswith(("value", "_value")) for name in node)


def _obs_6(node: Node, scope: Scope) -> bool:
    return "dataAbsentReason" not in node or not _has_value(node)


def _obs_7(node: Node, scope: Scope) -> bool:
    components = node.get("component")
    if not components or not _has_value(node):
        return True
    own = node["code"].get("coding") or ()
    return not any(coding in own for component in components for coding in component["code"].get("coding") or ())


def _org_1(node: Node, scope: Scope) -> bool:
    return "identifier" in node or "name" in node or "_name" in node


def _not_home(node: Node, scope: Scope) -> bool:
    return node.get("use") != "home"


def _app_4(node: Node, scope: Scope) -> bool:
    # The expression says 'no-show', which is no code of the status; the code is noshow.
    return "cancelationReason" not in node or node.get("status") in ("noshow", "cancelled")


def _name(node: Node, scope: Scope) -> bool:
    # Where there is no name the expression has no result, and nothing is wrong with it.
    name = node.get("name")
    return name is None or _NAME.fullmatch(name) is not None


RESOURCE: Mapping[str, Callable[[Any, Scope], bool]] = {
    "dom-2": _dom_2,
    "dom-3": _dom_3,
    "dom-4": _without_in_contained("versionId", "lastUpdated"),
    "dom-5": _without_in_contained("security"),
    "dom-6": lambda node, scope: "div" in node.get("text", ()),
    "con-3": _con_3,
    "con-4": _con_4,
    "con-5": _con_5,
    "ait-1": _ait_1,
    "ait-2": _ait_2,
    "obs-6": _obs_6,
    "obs-7": _obs_7,
    "org-1": _org_1,
    "org-2": _not_home,
    "org-3": _not_home,
    "app-4": _app_4,
}
"""Invariant key -> function."""

BY_EXPRESSION: Mapping[str, Callable[[Any, Scope], bool]] = {
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": _name,
}
"""Expression -> function: the rule for names has a key of its own in each of the canonical resources."""
