"""is, as, ofType, type, and the way through a tree: children, descendants. https://hl7.org/fhirpath/N1/#types"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhirpath.code import Code, Frame, Items, from_many, from_truth, single
from fhir_server.fhirpath.functions.signature import Compile, Function, on_items
from fhir_server.fhirpath.nodes import Node, children, descendants
from fhir_server.fhirpath.syntax import Tree
from fhir_server.fhirpath.type_names import matcher, name_in, system_type
from fhir_server.fhirpath.types import class_info


def type_test(operand: Code, name: str, position: int) -> Code:
    """Code of `operand is name`."""
    before, matches = operand.many, matcher(name, position, exact=False)

    def truth(frame: Frame, this: Items) -> bool | None:
        items = before(frame, this)
        if not items:
            return None
        return matches(single(items))

    return from_truth(truth)


def cast(operand: Code, name: str, position: int) -> Code:
    """Code of `operand as name`: the items of the type.

    N1 allows a single item only; invariants and search parameters of R4 give it many, so many are filtered.
    """
    before, matches = operand.many, matcher(name, position, exact=True)

    def many(frame: Frame, this: Items) -> Items:
        return [item for item in before(frame, this) if matches(item)]

    return from_many(many)


def _is(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    return type_test(source, name_in(arguments[0]), arguments[0].position)


def _as(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    return cast(source, name_in(arguments[0]), arguments[0].position)


def _type_of(item: object) -> Node:
    if isinstance(item, Node):
        kind = item.type
        name = kind.base.name if kind.is_backbone and kind.base else kind.name
        return Node({"namespace": "FHIR", "name": name}, class_info())
    return Node({"namespace": "System", "name": system_type(item)}, class_info())


def _descendants(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before = source.many

    def many(frame: Frame, this: Items) -> Items:
        found = list(descendants(before(frame, this)))
        frame.spend(len(found))
        return found

    return from_many(many)


def _children(items: Items) -> Items:
    return [child for item in items if item.__class__ is Node for child in children(item)]


TYPING: dict[str, Function] = {
    "is": Function(1, 1, _is),
    "as": Function(1, 1, _as),
    "ofType": Function(1, 1, _as),
    "type": on_items(lambda items: [_type_of(item) for item in items]),
    "children": on_items(_children),
    "descendants": Function(0, 0, _descendants),
}
