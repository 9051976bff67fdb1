"""What a reference points to, as far as it can be known without a server. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

import re
from typing import Any

from fhir_server.fhirpath.code import Frame
from fhir_server.fhirpath.environment import root_nodes
from fhir_server.fhirpath.nodes import Node, node, plain
from fhir_server.fhirpath.types import find
from fhir_server.resource_types import TYPE_ID

_LITERAL = re.compile(r"(?:.*/)?([A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?(?:\|.*)?")


def resolved(frame: Frame, item: Any) -> Node | None:
    """The resource that a Reference, or a text with a reference, points to.

    Looked up in the root resource (contained, Bundle entries), then by the caller's function. Where neither knows it,
    a resource of nothing but type and id, read off the reference, so that `resolve() is Patient` can be answered.
    """
    value = plain(item)
    declared = value.get("type") if value.__class__ is dict else None
    text = value.get("reference") if value.__class__ is dict else value
    if text.__class__ is str:
        found = _inside(frame, text) if text.startswith("#") else _outside(frame, text)
        if found is not None or text.startswith("#"):
            return found
    return Node({"resourceType": declared}, kind) if declared in TYPE_ID and (kind := find(declared)) else None


def _inside(frame: Frame, text: str) -> Node | None:
    for root in root_nodes(frame):
        if text == "#":
            return root
        for contained in _objects(root.value.get("contained")):
            if contained.get("id") == text[1:]:
                return node(contained)
    return None


def _outside(frame: Frame, text: str) -> Node | None:
    for root in root_nodes(frame):
        if root.value.get("resourceType") == "Bundle":
            for entry in _objects(root.value.get("entry")):
                if entry.get("fullUrl") == text and entry.get("resource").__class__ is dict:
                    return node(entry["resource"])
    found = frame.resolve(text) if frame.resolve is not None else None
    if found is not None:
        return node(found)
    match = _LITERAL.fullmatch(text)
    kind = find(match[1]) if match and match[1] in TYPE_ID else None
    return Node({"resourceType": kind.name, "id": match[2]}, kind) if match and kind else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if item.__class__ is dict] if value.__class__ is list else []
