"""Elements of a resource as the engine sees them, and the way from one to the next. https://hl7.org/fhir/R4/fhirpath.html"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath import temporal
from fhir_server.fhirpath.types import UNTYPED, TypeInfo, find, named

Place = tuple[dict[str, Any], str, int, TypeInfo]
"""(JSON object that holds the element, its key there, position in the array or -1, type of that object)."""


class Node:
    """One element: its JSON value, its FHIR type, for a primitive the JSON object with its id and extensions.

    `value` is None for a primitive that has only extensions. Items of a collection that are no Node are System
    values: bool, int, Decimal, str, Temporal, Quantity.
    """

    __slots__ = ("extra", "place", "type", "value")

    def __init__(
        self, value: Any, type: TypeInfo, extra: dict[str, Any] | None = None, place: Place | None = None
    ) -> None:
        self.value, self.type, self.extra, self.place = value, type, extra, place

    def __repr__(self) -> str:
        return f"<{self.type.name or 'element'}>"


_TEMPORAL = {"date": "date", "dateTime": "dateTime", "instant": "dateTime", "time": "time"}


def type_of_json(value: Any) -> TypeInfo:
    """Type that a JSON value declares by itself: that of a resource, or UNTYPED."""
    if type(value) is dict:
        name = value.get("resourceType")
        if type(name) is str:
            return find(name) or UNTYPED
    return UNTYPED


def node(value: Any, type_name: str | None = None) -> Node:
    """Node of a parsed JSON value; `type_name` such as "HumanName" or "Patient.contact" where it is no resource."""
    if type(value) is dict and "resourceType" in value:
        return Node(value, type_of_json(value))
    return Node(value, named(type_name) if type_name else UNTYPED)


def append_elements(out: list[Any], holder: dict[str, Any], key: str, type: TypeInfo, owner: TypeInfo) -> None:
    """Appends the elements that a JSON key of an object holds: several for an array, `_key` joined for primitives."""
    value = holder.get(key)
    untyped = type is UNTYPED
    if (type.is_primitive or untyped) and (extra := holder.get("_" + key)) is not None:
        _append_extended(out, holder, key, type, value, extra, owner)
        return
    if value is None:
        return
    declared = untyped or type.is_resource
    if value.__class__ is not list:
        out.append(Node(value, type_of_json(value) if declared else type, None, (holder, key, -1, owner)))
        return
    for index, item in enumerate(value):
        if item is not None:
            out.append(Node(item, type_of_json(item) if declared else type, None, (holder, key, index, owner)))


def _append_extended(
    out: list[Any], holder: dict[str, Any], key: str, type: TypeInfo, value: Any, extra: Any, owner: TypeInfo
) -> None:
    if extra.__class__ is not list and value.__class__ is not list:
        out.append(Node(value, type, extra if extra.__class__ is dict else None, (holder, key, -1, owner)))
        return
    values = value if value.__class__ is list else [value]
    extras = extra if extra.__class__ is list else [extra]
    for index in range(max(len(values), len(extras))):
        item = values[index] if index < len(values) else None
        more = extras[index] if index < len(extras) else None
        if item is not None or more is not None:
            out.append(Node(item, type, more if more.__class__ is dict else None, (holder, key, index, owner)))


def append_children(out: list[Any], item: Node, name: str) -> bool:
    """Appends the children of that FHIRPath name. False when the type has no such element."""
    value, kind = item.value, item.type
    if value.__class__ is not dict:
        value = item.extra
        if value is None:
            return name in kind.children or not kind.is_primitive
    child = kind.children.get(name)
    if child is None:
        return _append_unknown(out, value, kind, name)
    key = child.key
    if key is not None:
        append_elements(out, value, key, child.type, kind)
        return True
    alternatives = child.alternatives
    for key in value:
        found = alternatives.get(key) or (alternatives.get(key[1:]) if key[0:1] == "_" else None)
        if found is not None:
            append_elements(out, value, key.removeprefix("_"), found, kind)
            break
    return True


def _append_unknown(out: list[Any], value: dict[str, Any], kind: TypeInfo, name: str) -> bool:
    """A name that is no element: the JSON key of a choice (`valueQuantity`), or anything where the type is unknown."""
    if kind is not UNTYPED:
        known = kind.by_key.get(name)
        if known is not None:
            append_elements(out, value, name, known[1], kind)
        return False
    if name in value or "_" + name in value:
        append_elements(out, value, name, UNTYPED, kind)
        return True
    for key in value:
        bare = key.removeprefix("_")
        if bare.startswith(name) and (suffix := bare[len(name) :]):
            found = find(suffix) or find(suffix[0].lower() + suffix[1:])
            if found is not None:
                append_elements(out, value, bare, found, kind)
                break
    return True


def children(item: Node) -> list[Any]:
    """All child elements, in document order."""
    value = item.value if item.value.__class__ is dict else item.extra
    if not value:
        return []
    out: list[Any] = []
    by_key = item.type.by_key
    untyped = item.type is UNTYPED
    for key in value:
        if key == "resourceType":
            continue
        bare = key
        if key[0:1] == "_":
            bare = key[1:]
            if bare in value:
                continue  # Joined with the value already.
        known = by_key.get(bare)
        if known is not None:
            append_elements(out, value, bare, known[1], item.type)
        elif untyped:
            append_elements(out, value, bare, UNTYPED, item.type)
    return out


def descendants(items: list[Any]) -> Iterator[Any]:
    """Children, their children and so on, level by level within each item."""
    stack = [children(item) for item in items if item.__class__ is Node]
    while stack:
        following: list[list[Any]] = []
        for level in stack:
            for item in level:
                yield item
                if item.value.__class__ is dict or item.extra:
                    following.append(children(item))
        stack = following


def system_value(item: Any) -> Any:
    """System value of an item: a Node of primitive type becomes bool, number, string or Temporal; None if it has none.

    A complex element stays the Node it is.
    """
    if item.__class__ is not Node:
        return item
    value = item.value
    if value.__class__ is str:
        kind = _TEMPORAL.get(item.type.name)
        return value if kind is None else _parsed(kind, value)
    if value.__class__ is dict:
        return item
    return value


def _parsed(kind: str, text: str) -> Any:
    value = temporal.parse(kind, text)
    return text if value is None else value


def plain(item: Any) -> Any:
    """JSON value of an item; a System value stays as it is. None for a primitive without value."""
    return item.value if item.__class__ is Node else item


def is_number(value: Any) -> bool:
    """An Integer or Decimal; a Boolean is none."""
    return value.__class__ is int or value.__class__ is Decimal
