"""Finds the elements a search parameter's expression points to: slow, obvious, and independent of the server's own way.

Knows the FHIRPath that R4's search parameters use and no more. https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fhir_server.definitions import is_a, structure
from fhir_server.resource_types import TYPE_ID

_STEP = re.compile(
    r"""\.?(?:
      (?P<as>as|ofType)\((?P<type>\w+)\)
    | where\(resolve\(\)\s+is\s+(?P<target>\w+)\)
    | where\((?P<key>\w+)='(?P<text>[^']*)'\)
    | where\(hasExtension\('(?P<has>[^']*)'\)\)
    | extension\('(?P<extension>[^']*)'\)
    | (?P<name>[A-Za-z]\w*)(?:\[x\])?
    | \[(?P<index>\d+)\]
    )""",
    re.VERBOSE,
)


class Unknown(Exception):
    """The expression is beyond this small evaluator."""


@dataclass(frozen=True)
class Located:
    """An element and the name of its type ("Quantity", "code", "Patient.contact", "Patient")."""

    type: str
    value: Any


def locate(expression: str, context: Located, resource: Located) -> list[Located]:
    """The elements an expression gives for a context inside a resource. Raises Unknown."""
    found: list[Located] = []
    if expression == "Patient.deceased.exists() and Patient.deceased != false":
        deceased = [e for e in _path("Patient.deceased", context, resource) if e.value is not False]
        return [Located("boolean", bool(deceased))]
    for part in expression.split("|"):
        for element in _path(part.strip(), context, resource):
            if element not in found:
                found.append(element)
    return found


def _path(text: str, context: Located, resource: Located) -> list[Located]:
    if text.startswith("(") and text.endswith(")"):  # (Observation.value as Quantity), also with a step behind it
        return _path(text[1:-1], context, resource)
    behind = re.fullmatch(r"\((.*)\)\.(\w+)", text)
    if behind:
        return [inner for e in _path(behind[1], context, resource) for inner in _child(e, behind[2])]
    cast = re.fullmatch(r"(.*\S)\s+as\s+(\w+)", text)
    if cast:
        return [e for e in _path(cast[1], context, resource) if _is(e, cast[2])]
    elements, position, first = [context], 0, True
    if text.startswith("%resource."):
        elements, position = [resource], len("%resource")
        first = False
    while position < len(text):
        step = _STEP.match(text, position)
        if not step:
            raise Unknown(text)
        position = step.end()
        name = step["name"]
        if first and name in (*TYPE_ID, "Resource", "DomainResource"):
            elements = [e for e in elements if is_a(e.type.split(".")[0], name)]
        elif name:
            elements = [inner for e in elements for inner in _child(e, name)]
        elif step["as"]:
            elements = [e for e in elements if _is(e, step["type"])]
        elif step["target"]:
            elements = [e for e in elements if _target(e, resource) == step["target"]]
        elif step["key"]:
            elements = [e for e in elements if e.value.get(step["key"]) == step["text"]]
        elif step["has"]:
            elements = [e for e in elements if any(x["url"] == step["has"] for x in e.value.get("extension", ()))]
        elif step["extension"]:
            extensions = [inner for e in elements for inner in _child(e, "extension")]
            elements = [e for e in extensions if e.value["url"] == step["extension"]]
        else:
            elements = elements[int(step["index"]) : int(step["index"]) + 1]
        first = False
    return elements


def _child(element: Located, name: str) -> list[Located]:
    if not isinstance(element.value, dict):
        return []
    row = structure(element.type).elements.get(name)
    if row is None:
        return []
    found = []
    for key, kind in row.json_names().items():
        value = element.value.get(key)
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            type_name = item["resourceType"] if isinstance(item, dict) and "resourceType" in item else kind.code
            found.append(Located(type_name.removeprefix("System.").replace("String", "string"), item))
    return found


def _is(element: Located, name: str) -> bool:
    # R4 writes DateTime for dateTime in one expression.
    wanted = "dateTime" if name == "DateTime" else name
    return element.type == wanted or (wanted == "Quantity" and is_a(element.type, "Quantity"))


def _target(element: Located, resource: Located) -> str | None:
    """The resource type a Reference points to, as far as the reference itself says it."""
    if not isinstance(element.value, dict):
        return None
    text = element.value.get("reference", "")
    if text.startswith("#"):
        contained = [c for c in resource.value.get("contained", ()) if c.get("id") == text[1:]]
        return contained[0]["resourceType"] if contained else None
    match = re.search(r"(?:^|/)([A-Z]\w+)/[A-Za-z0-9.\-]+(?:/_history/\w+)?$", text)
    return match[1] if match and match[1] in TYPE_ID else element.value.get("type")
