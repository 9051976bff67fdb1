"""Compiled expressions, and how they are evaluated. https://hl7.org/fhir/R4/fhirpath.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fhir_server.fhirpath.code import Code, Frame, Items
from fhir_server.fhirpath.compiler import compile_tree
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import Node, node, plain
from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.syntax import Tree
from fhir_server.fhirpath.types import named

Json = Any
Resolve = Callable[[str], Json | None]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Expression:
    """A compiled expression; immutable, may be used by many at the same time. See `compile_expression`.

    All three ways to evaluate take the same arguments:
    `element` is parsed JSON, or a Node that another expression returned; `type_name` is its FHIR type where it is no
    resource ("HumanName", "Patient.contact", "date"). `resource` is the resource it stands in (default: itself if it is
    one), `root` the outermost one where that is contained in another. `variables` are the `%name` of the caller,
    `resolve` looks up a reference. Raises FhirPathError where expression and data do not fit.
    """

    __slots__ = ("_code", "text", "tree")

    def __init__(self, text: str, tree: Tree, code: Code) -> None:
        self.text, self.tree, self._code = text, tree, code

    def __repr__(self) -> str:
        return f"<Expression {self.text}>"

    def evaluate(self, element: Json, **arguments: Any) -> list[Any]:
        """JSON values of the result (System values such as Temporal and Quantity as they are), without those
        primitives that have only extensions."""
        return [value for item in self.nodes(element, **arguments) if (value := plain(item)) is not None]

    def nodes(
        self,
        element: Json,
        *,
        resource: Json = None,
        root: Json = None,
        variables: Mapping[str, list[Any]] | None = None,
        resolve: Resolve | None = None,
        type_name: str | None = None,
        trace: Callable[[str, Items], None] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> list[Any]:
        """The result with its types: Node for an element of a resource (`.value`, `.type.name`, `.extra`, `.place`),
        else a System value."""
        frame = _frame(element, resource, root, variables, resolve, type_name, trace, now)
        try:
            return self._code.many(frame, frame.context)
        except RecursionError:
            raise FhirPathError("expression nested too deep") from None

    def holds(
        self,
        element: Json,
        *,
        resource: Json = None,
        root: Json = None,
        variables: Mapping[str, list[Any]] | None = None,
        resolve: Resolve | None = None,
        type_name: str | None = None,
        trace: Callable[[str, Items], None] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> bool | None:
        """The result as a condition: True, False, or None for the empty collection. The fastest of the three."""
        frame = _frame(element, resource, root, variables, resolve, type_name, trace, now)
        try:
            return self._code.truth(frame, frame.context)
        except RecursionError:
            raise FhirPathError("expression nested too deep") from None


def _frame(
    element: Json,
    resource: Json,
    root: Json,
    variables: Mapping[str, list[Any]] | None,
    resolve: Resolve | None,
    type_name: str | None,
    trace: Callable[[str, Items], None] | None,
    now: Callable[[], datetime],
) -> Frame:
    start = element if element.__class__ is Node else node(element, type_name)
    if resource is None and start.value.__class__ is dict and "resourceType" in start.value:
        resource = start.value
    return Frame([start], resource, resource if root is None else root, variables, resolve, trace, now)


def element_node(value: Json, type_name: str, extra: dict[str, Any] | None = None) -> Node:
    """Node of an element that has a JSON part beside its value: `extra` is the `_name` of a primitive."""
    return Node(value, named(type_name), extra)


def expression_of(tree: Tree) -> Expression:
    """Expression of a part of another one's syntax tree. Raises FhirPathError as `compile_expression` does."""
    return Expression("", tree, compile_tree(tree))


@lru_cache(4096)
def compile_expression(text: str) -> Expression:
    """Expression of a text. Raises FhirPathError, with the position, for what is no FHIRPath or names an unknown
    function or type."""
    try:
        tree = parse(text)
        return Expression(text, tree, compile_tree(tree))
    except RecursionError:
        raise FhirPathError("expression nested too deep", kind="syntax") from None
