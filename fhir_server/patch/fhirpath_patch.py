"""FHIRPath Patch: a Parameters resource of operations on paths. https://hl7.org/fhir/R4/fhirpatch.html"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.fhirpath import Expression, FhirPathError, Node
from fhir_server.fhirpath.checker import check_expression
from fhir_server.fhirpath.expression import expression_of
from fhir_server.fhirpath.nodes import Place
from fhir_server.fhirpath.syntax import Member
from fhir_server.outcome import Unprocessable
from fhir_server.patch import elements
from fhir_server.patch.document import copied, without_emptied
from fhir_server.patch.elements import Misplaced
from fhir_server.patch.operation import Operation, read_operations
from mappings.r4 import Json

IDENTITY = ("id",)


class _Refusal(Exception):
    """The operation is well-formed and does not apply to this resource."""


@dataclass(frozen=True, slots=True)
class _Target:
    """The resource being patched, and one operation on it."""

    root: dict[str, Any]
    operation: Operation

    def nodes(self, expression: Expression) -> list[Node]:
        """Elements that a path leads to."""
        items = expression.nodes(self.root)
        if any(item.__class__ is not Node for item in items):
            raise _Refusal("the path must lead to elements of the resource")
        return items

    def one(self) -> Node:
        """The single element of the path."""
        found = self.nodes(self.operation.path)
        if not found:
            check_expression(self.operation.path, str(self.root.get("resourceType")))
            raise _Refusal("the path leads to no element")
        if len(found) > 1:
            raise _Refusal("the path leads to several elements, one is expected")
        return found[0]

    def place(self, found: Node) -> Place:
        """Where an element stands. Refuses the resource itself and its id."""
        if found.place is None:
            raise _Refusal("the resource itself cannot be the target")
        holder, key, _, _ = found.place
        if holder is self.root and key in IDENTITY:
            raise _Refusal(f"'{key}' of a resource cannot be changed")
        return found.place

    def array(self) -> Place:
        """Holder, key, length and owner of the one array whose elements are all that the path leads to."""
        found = self.nodes(self.operation.path)
        if not found:
            check_expression(self.operation.path, str(self.root.get("resourceType")))
            raise _Refusal("the path leads to no element")
        holder, key, index, owner = self.place(found[0])
        if index < 0:
            raise _Refusal("the path must lead to a list")
        length = max(len(holder.get(part) or ()) for part in (key, "_" + key))
        if len(found) != length or any(item.place is None or item.place[0] is not holder for item in found):
            raise _Refusal("the path must lead to all elements of one list")
        return holder, key, length, owner


def _add(target: _Target) -> None:
    parent, operation = target.one(), target.operation
    if parent.value is target.root and operation.name in IDENTITY:
        raise _Refusal(f"'{operation.name}' of a resource cannot be changed")
    if parent.value.__class__ is dict:
        elements.add(parent.value, parent.type, operation.name, operation.value)
    else:
        elements.add_to_primitive(target.place(parent), parent.type, operation.name, operation.value)


def _insert(target: _Target) -> None:
    operation = target.operation
    if operation.index == 0 and not target.nodes(operation.path):
        _begin_list(target)
        return
    holder, key, length, owner = target.array()
    if operation.index > length:
        raise _Refusal(f"the index lies beyond the end of the list of {length}")
    elements.insert(holder, key, operation.index, operation.value, elements.type_of(owner, key))


def _begin_list(target: _Target) -> None:
    """An insert at 0 of a list that is not there yet."""
    tree = target.operation.path.tree
    if not isinstance(tree, Member) or tree.source is None:
        raise _Refusal("the path leads to no element")
    parents = target.nodes(expression_of(tree.source))
    if len(parents) != 1 or parents[0].value.__class__ is not dict:
        raise _Refusal("the path leads to no element")
    child = parents[0].type.children.get(tree.name)
    if child is None or not child.repeats:
        raise _Refusal("the path must lead to a list")
    elements.add(parents[0].value, parents[0].type, tree.name, target.operation.value)


def _delete(target: _Target) -> None:
    found = target.nodes(target.operation.path)
    if not found:
        return  # Deleting what is not there is no error.
    if len(found) > 1:
        raise _Refusal("the path leads to several elements, at most one is expected")
    holder, key, index, _ = target.place(found[0])
    elements.delete(holder, key, index)


def _replace(target: _Target) -> None:
    elements.replace(target.place(target.one()), target.operation.value)


def _move(target: _Target) -> None:
    holder, key, length, _ = target.array()
    operation = target.operation
    for name, index in (("source", operation.source), ("destination", operation.destination)):
        if index >= length:
            raise _Refusal(f"the {name} lies beyond the end of the list of {length}")
    elements.move(holder, key, operation.source, operation.destination)


_OPERATIONS: dict[str, Callable[[_Target], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def apply(resource: dict[str, Any], patch: Json) -> dict[str, Any]:
    """The resource after all operations of the Parameters resource; the one given is not changed.

    Operations are counted from 0. Raises Invalid (400) for Parameters that are no FHIRPath Patch, Unprocessable (422)
    for an operation that does not apply.
    """
    try:
        return _patched(resource, patch)
    except RecursionError:
        raise Unprocessable("resource or patch is nested too deep", code="too-costly") from None


def _patched(resource: dict[str, Any], patch: Json) -> dict[str, Any]:
    operations = read_operations(patch)
    root = copied(resource)
    for number, operation in enumerate(operations):
        try:
            _OPERATIONS[operation.type](_Target(root, operation))
        except (_Refusal, Misplaced, FhirPathError) as refusal:
            text = f"FHIRPath Patch operation {number} ({operation.type}): {refusal}"
            where = f"Parameters.parameter[{number}]"
            raise Unprocessable(text, code="processing", expression=(where,)) from None
    result: dict[str, Any] = without_emptied(root)
    return result
