"""Paths of element names: the innermost loops of the engine. https://hl7.org/fhirpath/N1/#path-selection"""

from __future__ import annotations

from typing import Any

from fhir_server.fhirpath.code import Code, Frame, Items, Many, from_many
from fhir_server.fhirpath.nodes import Node, append_children


def step(items: Items, name: str) -> Items:
    """Children of that name of all items."""
    out: Items = []
    for item in items:
        if item.__class__ is Node:
            append_children(out, item, name)
    return out


def _root(items: Items, name: str) -> Items:
    """A name in capitals at the start of a path: the items themselves where it is their type, else their children."""
    out: Items = []
    for item in items:
        if item.__class__ is Node:
            kind = item.type
            if kind.name == name or name in kind.ancestry:
                out.append(item)
            else:
                append_children(out, item, name)
    return out


def member(source: Code | None, name: str) -> Code:
    """Code of `source.name`, or of a name at the start of a path."""
    if source is None:
        return _chain((name,)) if not name[:1].isupper() else from_many(lambda frame, this: _root(this, name))
    if source.chain:
        return _chain((*source.chain, name))
    before = source.many

    def many(frame: Frame, this: Items) -> Items:
        return step(before(frame, this), name)

    return from_many(many)


def _chain(names: tuple[str, ...]) -> Code:
    code = from_many(_walk(names))
    return Code(code.many, code.truth, names)


def _walk(names: tuple[str, ...]) -> Many:
    first, rest = names[0], names[1:]

    def one(frame: Frame, this: Items) -> Items:
        return step(this, first)

    def several(frame: Frame, this: Items) -> Items:
        items = step(this, first)
        for name in rest:
            if not items:
                break
            items = step(items, name)
        return items

    return several if rest else one


def present(items: Items, names: tuple[str, ...]) -> bool:
    """Whether the path leads anywhere from one of the items."""
    if len(names) == 1:
        name = names[0]
        for item in items:
            if item.__class__ is Node:
                value = item.value
                if value.__class__ is dict and (child := item.type.children.get(name)) is not None and child.key:
                    # The commonest case by far: an element that is no choice, of an object.
                    if (name in value and value[name] not in (None, [])) or "_" + name in value:
                        return True
                elif _steps_to(item, names):
                    return True
        return False
    return any(item.__class__ is Node and _steps_to(item, names) for item in items)


def _steps_to(item: Node, names: tuple[str, ...]) -> bool:
    items: Items = [item]
    for name in names:
        items = step(items, name)
        if not items:
            return False
    return True


def text_of_element(item: Any, name: str) -> str | None:
    """Text of the one element of that name, read off the JSON; None where only the long way can tell."""
    if item.__class__ is not Node or item.value.__class__ is not dict:
        return None
    value = item.value.get(name)
    if value.__class__ is not str:
        return None
    child = item.type.children.get(name)
    return value if child is not None and child.key else None
