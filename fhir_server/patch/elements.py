"""Puts elements into a resource and takes them out, knowing their types. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.nodes import Place
from fhir_server.fhirpath.types import UNTYPED, Child, TypeInfo
from fhir_server.patch.operation import Value
from mappings.r4 import Json


class Misplaced(Exception):
    """The element does not belong there; says why."""


def _child(kind: TypeInfo, name: str) -> tuple[Child, str]:
    """The element of that name, and its JSON key when the name already tells it ("valueQuantity")."""
    name = name.removesuffix("[x]")
    child = kind.children.get(name)
    if child is not None:
        return child, child.key or ""
    known = kind.by_key.get(name)
    if known is None:
        raise Misplaced(f"there is no element '{name}' here")
    return known[0], name


def _key(child: Child, key: str, value: Value) -> tuple[str, TypeInfo]:
    """JSON key and type for a value; of a choice the one that fits the type of the value."""
    if not key:
        key = child.name + value.type
        if key not in child.alternatives:
            raise Misplaced(f"'{child.name}' cannot be a {value.type or 'group of parts'}")
    return key, child.alternatives[key]


_CLASSES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
    "decimal": (int, Decimal),
}
"""Primitive type -> classes of its JSON value; all others are strings."""

_QUANTITIES = frozenset(("Quantity", "SimpleQuantity", "Age", "Count", "Distance", "Duration"))


def _json(value: Value, kind: TypeInfo, name: str) -> tuple[Json, Json]:
    """JSON value and `_` part for an element of the type. Raises Misplaced when the value is of another kind."""
    if kind is UNTYPED:
        return value.json, value.extra
    if kind.is_primitive:
        if value.parts or (value.json is not None and value.json.__class__ not in _CLASSES.get(kind.name, (str,))):
            raise Misplaced(f"'{name}' must be a {kind.name}")
        if value.json is None and not value.extra:
            raise Misplaced(f"the value for '{name}' is empty")
        return value.json, value.extra
    if value.parts:
        return _group(value, kind), None
    if value.json.__class__ is not dict or not _fits(value.type, kind):
        raise Misplaced(f"'{name}' must be {'given as parts' if kind.is_backbone else 'a ' + kind.name}")
    return value.json, None


def _fits(given: str, kind: TypeInfo) -> bool:
    if kind.is_backbone or kind.is_resource:
        return kind.is_resource and given == "Resource"
    return given == kind.name or (given in _QUANTITIES and kind.name in _QUANTITIES)


def _group(value: Value, kind: TypeInfo) -> dict[str, Any]:
    group: dict[str, Any] = {}
    for name, part in value.parts:
        add(group, kind, name, part)
    return group


def add(holder: dict[str, Any], kind: TypeInfo, name: str, value: Value) -> None:
    """Adds an element of that name at the end of its list, or as the only one. Raises Misplaced if one is there."""
    child, key = _child(kind, name)
    key, child_kind = _key(child, key, value)
    if child.repeats:
        there = max(len(holder.get(part) or ()) for part in (key, "_" + key))
        insert(holder, key, there, value, child_kind)
        return
    if any(part in holder for known in child.alternatives for part in (known, "_" + known)):
        raise Misplaced(f"'{child.name}' is there already; it can be replaced")
    json, extra = _json(value, child_kind, child.name)
    if json is not None:
        holder[key] = json
    if extra:
        holder["_" + key] = extra


def insert(holder: dict[str, Any], key: str, index: int, value: Value, kind: TypeInfo) -> None:
    """Inserts an element into a list before the index; the list begins with it if there was none."""
    json, extra = _json(value, kind, key)
    values = holder.setdefault(key, [])
    extras = holder.get("_" + key)
    if extras is not None or extra:
        _even(holder, key, max(len(values), len(extras or ())))
        holder["_" + key].insert(index, extra)
    holder[key].insert(index, json)
    _tidy(holder, key)


def _even(holder: dict[str, Any], key: str, length: int) -> None:
    """Makes the list of values and that of extensions equally long."""
    for part in (key, "_" + key):
        items = holder.setdefault(part, [])
        items.extend([None] * (length - len(items)))


def delete(holder: dict[str, Any], key: str, index: int) -> None:
    """Takes an element out, and its list when that leaves it without any."""
    for part in (key, "_" + key):
        if index < 0:
            holder.pop(part, None)
        elif index < len(holder.get(part) or ()):
            del holder[part][index]
    _tidy(holder, key)


def _tidy(holder: dict[str, Any], key: str) -> None:
    """A list of nothing but null is left out."""
    for part in (key, "_" + key):
        items = holder.get(part)
        if items.__class__ is list and all(item is None for item in items):
            del holder[part]


def type_of(owner: TypeInfo, key: str) -> TypeInfo:
    """Type that a JSON key gives its elements."""
    known = owner.by_key.get(key)
    return known[1] if known else UNTYPED


def replace(place: Place, value: Value) -> None:
    """Puts a value in place of an element; of a choice the type may change. Raises Misplaced if it does not fit."""
    holder, key, index, owner = place
    child = owner.by_key[key][0] if key in owner.by_key else None
    new_key, kind = (key, UNTYPED) if child is None else _key(child, child.key or "", value)
    json, extra = _json(value, kind, key)
    if new_key != key:
        _rename(holder, key, new_key, json)
        key = new_key
    if index < 0:
        for part, content in ((key, json), ("_" + key, extra)):
            if content is None:
                holder.pop(part, None)
            else:
                holder[part] = content
        return
    if extra or holder.get("_" + key) is not None:
        _even(holder, key, max(len(holder.get(key) or ()), len(holder.get("_" + key) or ())))
        holder["_" + key][index] = extra
    holder[key][index] = json
    _tidy(holder, key)


def add_to_primitive(place: Place, kind: TypeInfo, name: str, value: Value) -> None:
    """Adds an id or extension to a primitive element."""
    holder, key, index, _ = place
    if index < 0:
        add(holder.setdefault("_" + key, {}), kind, name, value)
        return
    _even(holder, key, max(len(holder.get(key) or ()), len(holder.get("_" + key) or ())))
    extras = holder["_" + key]
    extras[index] = extras[index] or {}
    add(extras[index], kind, name, value)


def _rename(holder: dict[str, Any], key: str, new_key: str, json: Json) -> None:
    """Renames a member in its place."""
    members = list(holder.items())
    holder.clear()
    for name, member in members:
        if name != "_" + key:
            holder[new_key if name == key else name] = json if name == key else member


def move(holder: dict[str, Any], key: str, source: int, destination: int) -> None:
    """Takes the element at one index out of a list and inserts it at the other."""
    for part in (key, "_" + key):
        items = holder.get(part)
        if items is not None:
            items.extend([None] * (max(source, destination) + 1 - len(items)))
            items.insert(destination, items.pop(source))
