"""Checks the names in an expression against the types of R4, before any data is there. https://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fhir_server.fhirpath import syntax
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.expression import Expression
from fhir_server.fhirpath.type_names import name_in
from fhir_server.fhirpath.types import TypeInfo, find


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of a collection; `types` None: anything."""

    types: frozenset[TypeInfo] | None = None
    several: bool = False
    ordered: bool = True


_ANYTHING = _Shape(None, True)

_KEEP_TYPES = frozenset(("where", "distinct", "trace", "exclude", "intersect", "skip", "take", "tail", "sort"))
_PICK_ONE = frozenset(("first", "last", "single"))
_NEED_ORDER = frozenset(("first", "last", "skip", "take", "tail"))
_UNORDERED = frozenset(("children", "descendants"))
_CASTS = frozenset(("as", "ofType"))
_OF_THE_ITEM = frozenset(("where", "select", "all", "exists", "repeat", "iif", "trace", "sort", "aggregate"))
"""Functions whose arguments are evaluated on each item of their input."""


def check_expression(expression: Expression, type_name: str) -> None:
    """Raises FhirPathError (kind "semantic") where the expression, evaluated on an element of the type, names an
    element that the type does not have, casts several items at once, or relies on an order that is none.

    What cannot be known without data (resolve(), descendants(), a contained resource) passes.
    """
    kind = find(type_name)
    start = _ANYTHING if kind is None else _Shape(frozenset((kind,)))
    _shape(expression.tree, start)


def result_types(expression: Expression, type_name: str) -> frozenset[str] | None:
    """Names of the types its result can have on an element of the type; None: that cannot be known without data.

    Raises FhirPathError as `check_expression` does.
    """
    kind = find(type_name)
    types = _shape(expression.tree, _ANYTHING if kind is None else _Shape(frozenset((kind,)))).types
    return None if types is None else frozenset(one.name for one in types)


def _semantic(reason: str, tree: syntax.Tree) -> FhirPathError:
    return FhirPathError(reason, tree.position, kind="semantic")


def _shape(tree: syntax.Tree, this: _Shape) -> _Shape:
    check = _CHECKS.get(type(tree))
    return _ANYTHING if check is None else check(tree, this)


def _member(tree: syntax.Member, this: _Shape) -> _Shape:
    before = this if tree.source is None else _shape(tree.source, this)
    if before.types is None:
        return _ANYTHING
    if tree.source is None and any(tree.name in kind.ancestry for kind in before.types):
        return before
    found = [child for kind in before.types if (child := kind.children.get(tree.name))]
    if not found:
        if any(kind.name in ("Resource", "DomainResource", "") for kind in before.types):
            return _ANYTHING
        raise _semantic(f"there is no element '{tree.name}' here", tree)
    types = frozenset(kind for child in found for kind in child.alternatives.values())
    several = before.several or any(child.repeats for child in found)
    return _ANYTHING if any(kind.name == "Resource" for kind in types) else _Shape(types, several)


def _call(tree: syntax.Call, this: _Shape) -> _Shape:
    before = this if tree.source is None else _shape(tree.source, this)
    if tree.name in _NEED_ORDER and not before.ordered:
        raise _semantic(f"'{tree.name}' needs an order, and there is none", tree)
    if tree.name in _CASTS:
        return _cast(before, name_in(tree.arguments[0]), tree, one=tree.name == "as")
    if tree.name == "is":
        return _Shape()
    inner = replace(before, several=False) if tree.name in _OF_THE_ITEM else this
    shapes = [_shape(argument, inner) for argument in tree.arguments]
    if tree.name in _KEEP_TYPES:
        return before
    if tree.name in _PICK_ONE:
        return replace(before, several=False)
    if tree.name == "extension":
        extension = find("Extension")
        return _Shape(frozenset((extension,)) if extension else None, True)
    if tree.name == "select" and shapes:
        return replace(shapes[0], several=before.several or shapes[0].several)
    return replace(_ANYTHING, ordered=tree.name not in _UNORDERED)


def _cast(before: _Shape, name: str, tree: syntax.Tree, *, one: bool) -> _Shape:
    if one and before.several and before.types is not None:
        raise _semantic("'as' takes a single item; use 'ofType'", tree)
    kind = find(name.removeprefix("FHIR."))
    return _ANYTHING if kind is None else _Shape(frozenset((kind,)), before.several)


def _type_test(tree: syntax.TypeTest, this: _Shape) -> _Shape:
    before = _shape(tree.operand, this)
    return _Shape() if tree.operator == "is" else _cast(before, tree.name, tree, one=True)


def _index(tree: syntax.Index, this: _Shape) -> _Shape:
    before = _shape(tree.source, this)
    if not before.ordered:
        raise _semantic("an index needs an order, and there is none", tree)
    _shape(tree.index, this)
    return replace(before, several=False)


def _sign(tree: syntax.Sign, this: _Shape) -> _Shape:
    return _shape(tree.operand, this)


def _binary(tree: syntax.Binary, this: _Shape) -> _Shape:
    left, right = _shape(tree.left, this), _shape(tree.right, this)
    if tree.operator != "|":
        return _Shape()
    types = None if left.types is None or right.types is None else left.types | right.types
    return _Shape(types, True)


def _special(tree: syntax.Special, this: _Shape) -> _Shape:
    return this if tree.name == "this" else _ANYTHING


_CHECKS: dict[type[syntax.Tree], Callable[..., _Shape]] = {
    syntax.Member: _member,
    syntax.Call: _call,
    syntax.TypeTest: _type_test,
    syntax.Index: _index,
    syntax.Sign: _sign,
    syntax.Binary: _binary,
    syntax.Special: _special,
}
