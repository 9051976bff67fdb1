"""Invariants of Bundle, in one pass each however many entries there are. https://hl7.org/fhir/R4/bundle.html#invs"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.definitions import Constraint
from fhir_server.validation.problem import Node, Scope

_ABSOLUTE = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")


def _entries(node: Node) -> list[Node]:
    return node.get("entry") or []


def _bdl_1(node: Node, scope: Scope) -> bool:
    return "total" not in node or node.get("type") in ("searchset", "history")


def _bdl_2(node: Node, scope: Scope) -> bool:
    return node.get("type") == "searchset" or not any("search" in entry for entry in _entries(node))


def _only_in(name: str, *types: str) -> Callable[[Node, Scope], bool]:
    """Every entry has it in Bundles of these types, and none in others."""

    def holds(node: Node, scope: Scope) -> bool:
        expected = node.get("type") in types
        return all((name in entry) is expected for entry in _entries(node))

    return holds


def _bdl_5(entry: Node, scope: Scope) -> bool:
    return "resource" in entry or "request" in entry or "response" in entry


def _bdl_7(node: Node, scope: Scope) -> bool:
    if node.get("type") == "history":
        return True
    seen = [
        (entry["fullUrl"], (entry.get("resource") or {}).get("meta", {}).get("versionId"))
        for entry in _entries(node)
        if "fullUrl" in entry
    ]
    return len(set(seen)) == len(seen)


def _bdl_8(entry: Node, scope: Scope) -> bool:
    # Without a fullUrl the expression has no result; there is nothing to object to.
    return "/_history/" not in entry.get("fullUrl", "")


def _bdl_9(node: Node, scope: Scope) -> bool:
    identifier = node.get("identifier", ())
    return node.get("type") != "document" or ("system" in identifier and "value" in identifier)


def _bdl_10(node: Node, scope: Scope) -> bool:
    return node.get("type") != "document" or "timestamp" in node


def _first_is(bundle_type: str, resource_type: str) -> Callable[[Node, Scope], bool]:
    def holds(node: Node, scope: Scope) -> bool:
        if node.get("type") != bundle_type:
            return True
        entries = _entries(node)
        return bool(entries) and (entries[0].get("resource") or {}).get("resourceType") == resource_type

    return holds


BUNDLE: Mapping[str, Callable[[Any, Scope], bool]] = {
    "bdl-1": _bdl_1,
    "bdl-2": _bdl_2,
    "bdl-3": _only_in("request", "batch", "transaction", "history"),
    "bdl-4": _only_in("response", "batch-response", "transaction-response", "history"),
    "bdl-5": _bdl_5,
    "bdl-7": _bdl_7,
    "bdl-8": _bdl_8,
    "bdl-9": _bdl_9,
    "bdl-10": _bdl_10,
    "bdl-11": _first_is("document", "Composition"),
    "bdl-12": _first_is("message", "MessageHeader"),
}
"""Invariant key -> function."""


def _absolute(entry: Node, scope: Scope) -> bool:
    return "fullUrl" not in entry or _ABSOLUTE.match(entry["fullUrl"]) is not None


def _agrees(entry: Node, scope: Scope) -> bool:
    url, resource = entry.get("fullUrl", ""), entry.get("resource")
    if resource is None or "id" not in resource or not url.startswith("http"):
        return True
    return bool(url.endswith(f"/{resource['resourceType']}/{resource['id']}"))


STATED: Mapping[str, tuple[tuple[Constraint, Callable[[Any, Scope], bool]], ...]] = {
    "Bundle.entry": (
        (Constraint("fullUrl", "error", "must be an absolute URL", ""), _absolute),
        # HL7's own examples disagree.
        (Constraint("fullUrl", "warning", "should end with type and id of the resource", ""), _agrees),
    )
}
"""What the specification says in words only. https://hl7.org/fhir/R4/bundle.html#bundle-unique"""
