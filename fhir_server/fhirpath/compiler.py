"""Syntax tree to closures. https://hl7.org/fhirpath/N1/"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath import arithmetic, logic, syntax, temporal
from fhir_server.fhirpath.code import EMPTY, Code, Frame, Items, from_many, single
from fhir_server.fhirpath.environment import external
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions import FUNCTIONS
from fhir_server.fhirpath.functions.typing import cast, type_test
from fhir_server.fhirpath.nodes import system_value
from fhir_server.fhirpath.paths import member
from fhir_server.fhirpath.quantity import Quantity

THIS = from_many(lambda frame, this: this)


def _constant(value: Any) -> Code:
    items = [value]
    if value.__class__ is bool:
        return Code(lambda frame, this: items, lambda frame, this: value)
    return from_many(lambda frame, this: items)


def _empty(tree: syntax.Empty) -> Code:
    return from_many(lambda frame, this: EMPTY)


def _literal(tree: syntax.Literal) -> Code:
    return _constant(tree.value)


def _temporal(tree: syntax.TemporalLiteral) -> Code:
    value = temporal.parse(tree.kind, tree.text)
    if value is None:
        raise FhirPathError("no such date or time", tree.position, kind="syntax")
    return _constant(value)


def _quantity(tree: syntax.QuantityLiteral) -> Code:
    return _constant(Quantity(tree.value, tree.unit, calendar=tree.calendar))


def _index_of_loop(frame: Frame, this: Items) -> Items:
    return EMPTY if frame.index is None else [frame.index]


_SPECIAL: dict[str, Code] = {
    "this": THIS,
    "index": from_many(_index_of_loop),
    "total": from_many(lambda frame, this: frame.total),
}


def _special(tree: syntax.Special) -> Code:
    return _SPECIAL[tree.name]


def _external(tree: syntax.External) -> Code:
    return from_many(external(tree.name, tree.position))


def _member(tree: syntax.Member) -> Code:
    return member(None if tree.source is None else compile_tree(tree.source), tree.name)


def _call(tree: syntax.Call) -> Code:
    function = FUNCTIONS.get(tree.name)
    if function is None:
        raise FhirPathError(f"unknown function '{tree.name}'", tree.position, kind="semantic")
    if not function.least <= len(tree.arguments) <= function.most:
        raise FhirPathError(f"wrong number of arguments of '{tree.name}'", tree.position, kind="semantic")
    source = THIS if tree.source is None else compile_tree(tree.source)
    return function.build(source, tree.arguments, compile_tree)


def _indexed(tree: syntax.Index) -> Code:
    source, index = compile_tree(tree.source).many, compile_tree(tree.index).many

    def many(frame: Frame, this: Items) -> Items:
        at = system_value(single(index(frame, this)))
        if at is None:
            return EMPTY
        if at.__class__ is not int:
            raise FhirPathError("an index must be an integer", tree.position)
        items = source(frame, this)
        return [items[at]] if 0 <= at < len(items) else EMPTY

    return from_many(many)


def _sign(tree: syntax.Sign) -> Code:
    operand = compile_tree(tree.operand).many
    if tree.sign == "-":
        return from_many(lambda frame, this: arithmetic.negate(operand(frame, this)))
    return from_many(lambda frame, this: arithmetic.negate(arithmetic.negate(operand(frame, this))))


def _operands(tree: syntax.Tree, operator: str) -> list[syntax.Tree]:
    """All operands of a chain of one operator, a | b | c, from left to right."""
    found: list[syntax.Tree] = []
    while isinstance(tree, syntax.Binary) and tree.operator == operator:
        found.append(tree.right)
        tree = tree.left
    return [tree, *reversed(found)]


def _texts(tree: syntax.Tree) -> frozenset[str] | None:
    """The texts of 'a' | 'b' | 'c'; None for anything else."""
    texts = [part.value for part in _operands(tree, "|") if isinstance(part, syntax.Literal)]
    whole = len(texts) == len(_operands(tree, "|"))
    return frozenset(str(text) for text in texts) if whole and all(isinstance(text, str) for text in texts) else None


def _binary(tree: syntax.Binary) -> Code:
    operator = tree.operator
    if operator == "|":
        return logic.union([compile_tree(part) for part in _operands(tree, "|")])
    left = compile_tree(tree.left)
    if operator in ("=", "!=") and isinstance(tree.right, syntax.Literal) and isinstance(tree.right.value, str):
        code = logic.equality_with_text(left, tree.right.value)
        return code if operator == "=" else logic.negated(code)
    if operator == "in" and (texts := _texts(tree.right)):
        return logic.membership_of_texts(left, texts)
    right = compile_tree(tree.right)
    if operator in logic.OPERATORS:
        return logic.OPERATORS[operator](left, right)
    a, b = left.many, right.many
    if operator == "&":
        return from_many(lambda frame, this: arithmetic.concatenate(a(frame, this), b(frame, this)))
    operation = arithmetic.OPERATIONS[operator]
    return from_many(lambda frame, this: arithmetic.apply(operation, a(frame, this), b(frame, this)))


def _type_test(tree: syntax.TypeTest) -> Code:
    build = type_test if tree.operator == "is" else cast
    return build(compile_tree(tree.operand), tree.name, tree.position)


_COMPILERS: dict[type[syntax.Tree], Callable[[Any], Code]] = {
    syntax.Empty: _empty,
    syntax.Literal: _literal,
    syntax.TemporalLiteral: _temporal,
    syntax.QuantityLiteral: _quantity,
    syntax.Special: _special,
    syntax.External: _external,
    syntax.Member: _member,
    syntax.Call: _call,
    syntax.Index: _indexed,
    syntax.Sign: _sign,
    syntax.Binary: _binary,
    syntax.TypeTest: _type_test,
}


def compile_tree(tree: syntax.Tree) -> Code:
    """Code of a syntax tree. Raises FhirPathError for unknown functions and types."""
    return _COMPILERS[type(tree)](tree)
