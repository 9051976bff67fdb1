"""Structures compiled into checks: elements, cardinality, types, choices, primitive extensions. https://hl7.org/fhir/R4/json.html

A check answers None where all is well. Paths are put together from the fault outwards, so that a resource without
faults costs one dictionary look-up and one call per element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from fhir_server.definitions import Element, ElementType, is_a, primitive_types, structure
from fhir_server.resource_types import TYPE_ID
from fhir_server.validation.bindings import Extra, code_format, concept_check
from fhir_server.validation.narrative import BLANK
from fhir_server.validation.primitives import FORMATS, Format
from fhir_server.validation.problem import Found, Node, Problem, Scope, within
from fhir_server.validation.references import target_check
from fhir_server.validation.rules import Rule, rules
from mappings.r4 import Json

MAX_DEPTH = 64
"""Objects within objects."""

Check = Callable[[Json, Scope], Found]
"""Check of one value."""

Member = Callable[[Json, Node, Scope], Found]
"""Check of what stands under a name of a JSON object: value, object, scope."""

_ELEMENT_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


class Shape:
    """A structure as a check; compiled when the first value comes."""

    __slots__ = ("_is_element", "_is_extension", "_members", "_required", "_rules", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._members: dict[str, tuple[Member, str | None]] | None = None

    def _compile(self) -> dict[str, tuple[Member, str | None]]:
        definition = structure(self.name)
        members: dict[str, tuple[Member, str | None]] = {}
        required: list[tuple[str, tuple[str, ...]]] = []
        for element in definition.elements.values():
            if element.max == 0:
                continue
            stem = element.name if element.choice else None
            for json_name, kind in element.json_names().items():
                members[json_name] = (_member(element, kind, json_name), stem)
                if kind.code in _extensible():
                    members["_" + json_name] = (_sibling(element, json_name), stem)
            if element.min:
                names = tuple(element.json_names())
                required.append((element.name, names + tuple("_" + name for name in names)))
        self._is_element = is_a(definition.base or self.name, "Element") or definition.kind == "backbone"
        self._is_extension = self.name == "Extension"
        if not self._is_element:
            members["resourceType"] = (_as_given, None)
        self._required = tuple(required)
        self._rules = rules(definition.constraints, self.name)
        self._members = members
        return members

    def check(self, node: Json, scope: Scope) -> Found:
        """What is wrong with the value as one object of this structure."""
        if type(node) is not dict:
            return [_not_an_object(node)]
        members = self._members
        if members is None:
            members = self._compile()
        if scope.depth >= MAX_DEPTH:
            return [Problem("too-long", f"must not be nested deeper than {MAX_DEPTH} levels")]
        scope.depth += 1
        problems: Found = None
        chosen: dict[str, str] | None = None
        for name, value in node.items():
            entry = members.get(name)
            if entry is None:
                found: Found = [_unknown(name)]
            else:
                member, stem = entry
                found = member(value, node, scope)
                if stem is not None:
                    if chosen is None:
                        chosen = {stem: name}
                    elif chosen.setdefault(stem, name).lstrip("_") != name.lstrip("_"):
                        found = [*(found or ()), Problem("structure", "must be given with one type only", stem)]
            if found is not None:
                problems = found if problems is None else problems + found
        for label, names in self._required:
            if names[0] not in node and not any(name in node for name in names):
                problems = [*(problems or ()), Problem("required", "is required", label)]
        if self._is_element and (fault := self._empty(node, chosen)) is not None:
            problems = [*(problems or ()), fault]
        if self._rules and (problems is None or all(problem.code == "invariant" for problem in problems)):
            for rule in self._rules:
                if (scope.warnings or rule.constraint.severity == "error") and not rule.holds(node, scope):
                    problems = [*(problems or ()), rule.problem()]
        scope.depth -= 1
        return problems

    def _empty(self, node: Node, chosen: dict[str, str] | None) -> Problem | None:
        """ele-1 and, for an Extension, ext-1."""
        if not node or (len(node) == 1 and "id" in node):
            return Problem("invariant", "ele-1: All FHIR elements must have a value or children")
        if self._is_extension and (chosen is not None) == ("extension" in node):
            return Problem("invariant", "ext-1: Must have either extensions or value[x], not both")
        return None


@cache
def shape(name: str) -> Shape:
    """The compiled structure of a type or nested group, one object per name."""
    return Shape(name)


@cache
def _extensible() -> frozenset[str]:
    """Primitive types whose values may have an id and extensions in a sibling "_name"."""
    return primitive_types() - {"xhtml"}


def _as_given(value: Json, node: Node, scope: Scope) -> Found:
    return None


def _unknown(name: str) -> Problem:
    shown = f"'{name}' is not an element here" if _ELEMENT_NAME.fullmatch(name) else "has a name FHIR does not know"
    return Problem("structure", shown)


def _not_an_object(value: Json) -> Problem:
    if value is None:
        return Problem("structure", "must not be null")
    if type(value) is list:
        return Problem("structure", "must be a single object, not an array")
    return Problem("structure", "must be a JSON object")


def _member(element: Element, kind: ElementType, json_name: str) -> Member:
    """Check of an element in the form of one of its types."""
    if kind.code in FORMATS:
        value_format, code = _format(element, kind), "value"
        if element.value_set and value_format is not FORMATS[kind.code]:
            code = "code-invalid"
        own_rules = rules(element.constraints, kind.code)
        if kind.code == "xhtml":
            return _narrative(element.name, value_format)
        if element.max is None:
            return _primitives(element.name, json_name, value_format, code, own_rules)
        return _primitive(element.name, value_format, code, own_rules)
    check = _complex(element, kind)
    return _many(element.name, check) if element.max is None else _one(element.name, check)


def _format(element: Element, kind: ElementType) -> Format:
    if element.value_set and kind.code in ("code", "string", "uri"):
        bound = code_format(element.value_set)
        if bound is not None:
            return bound
    if (
        element.path.endswith(".id")
        and is_a(element.path.partition(".")[0], "Resource")
        and element.path.count(".") == 1
    ):
        return FORMATS["id"]
    return FORMATS[kind.code]


def _complex(element: Element, kind: ElementType) -> Check:
    """Check of one object of the type, with what the element adds to its type."""
    if is_a(kind.code.partition(".")[0], "Resource") and "." not in kind.code:
        return _contained if element.name == "contained" else _resource
    check = shape(kind.code).check
    extras = _extras(element, kind)
    if not extras:
        return check

    def check_with_extras(node: Json, scope: Scope) -> Found:
        found = check(node, scope)
        if found is None:
            for extra in extras:
                more = extra(node, scope)
                if more is not None:
                    found = more if found is None else found + more
        return found

    return check_with_extras


def _extras(element: Element, kind: ElementType) -> tuple[Extra, ...]:
    extras: list[Extra] = []
    if kind.code == "Reference":
        extras.append(target_check(element.path, kind.targets))
    if element.value_set and (bound := concept_check(element.value_set, kind.code)) is not None:
        extras.append(bound)
    if "SimpleQuantity" in kind.profiles:
        extras.append(_simple_quantity)
    if not element.base_type and "." not in kind.code:
        of_type = {constraint.key for constraint in structure(kind.code).constraints}
        own = rules([rule for rule in element.constraints if rule.key not in of_type], kind.code)
        extras.extend(_as_extra(rule) for rule in own)
    return tuple(extras)


def _simple_quantity(node: Node, scope: Scope) -> Found:
    if "comparator" in node or "_comparator" in node:
        return [Problem("invariant", "sqty-1: The comparator is not used on a SimpleQuantity")]
    return None


def _as_extra(rule: Rule) -> Extra:
    def check(node: Json, scope: Scope) -> Found:
        if (scope.warnings or rule.constraint.severity == "error") and not rule.holds(node, scope):
            return [rule.problem()]
        return None

    return check


def _one(name: str, check: Check) -> Member:
    def member(value: Json, node: Node, scope: Scope) -> Found:
        found = check(value, scope)
        return None if found is None else within(found, name)

    return member


def _many(name: str, check: Check) -> Member:
    def member(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        problems: Found = None
        for index, item in enumerate(value):
            found = check(item, scope)
            if found is not None:
                within(found, f"{name}[{index}]")
                problems = found if problems is None else problems + found
        return problems

    return member


def _primitive(name: str, value_format: Format, code: str, own_rules: tuple[Rule, ...]) -> Member:
    extras = [_as_extra(rule) for rule in own_rules]

    def member(value: Json, node: Node, scope: Scope) -> Found:
        reason = value_format(value)
        if reason is not None:
            return [Problem(code, reason, name)]
        for extra in extras:
            found = extra(value, scope)
            if found is not None:
                return within(found, name)
        return None

    return member


def _narrative(name: str, value_format: Format) -> Member:
    def member(value: Json, node: Node, scope: Scope) -> Found:
        reason = value_format(value)
        if reason is None or (reason is BLANK and not scope.warnings):
            return None
        return [Problem("invariant", reason, name, severity="warning" if reason is BLANK else "error")]

    return member


def _primitives(name: str, json_name: str, value_format: Format, code: str, own_rules: tuple[Rule, ...]) -> Member:
    sibling = "_" + json_name
    extras = [_as_extra(rule) for rule in own_rules]

    def member(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        problems: list[Problem] = []
        for index, item in enumerate(value):
            if item is None and _at(node.get(sibling), index) is not None:
                continue  # Its extensions stand in the sibling.
            reason = value_format(item)
            if reason is not None:
                problems.append(Problem(code, reason, f"{name}[{index}]"))
            else:
                for extra in extras:
                    problems += within(extra(item, scope) or [], f"{name}[{index}]")
        return problems or None

    return member


def _at(values: Json, index: int) -> Json:
    return values[index] if type(values) is list and index < len(values) else None


def _sibling(element: Element, json_name: str) -> Member:
    """Check of "_name", which holds ids and extensions of the primitive values under "name"."""
    name, check = element.name, shape("Element").check

    def one(value: Json, node: Node, scope: Scope) -> Found:
        found = check(value, scope)
        if found is None and json_name not in node and "extension" not in value:
            found = [Problem("invariant", "ele-1: All FHIR elements must have a value or children")]
        return None if found is None else within(found, name)

    def many(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        values = node.get(json_name)
        problems: list[Problem] = []
        for index, item in enumerate(value):
            present = _at(values, index) is not None
            found: Found = None
            if item is None:
                if not present:
                    found = [Problem("structure", "must not be null both as value and as extensions")]
            else:
                found = check(item, scope)
                if found is None and not present and "extension" not in item:
                    found = [Problem("invariant", "ele-1: All FHIR elements must have a value or children")]
            problems += within(found or [], f"{name}[{index}]")
        return problems or None

    return many if element.max is None else one


def _resource(node: Json, scope: Scope) -> Found:
    """Check of a resource inside a Bundle or Parameters: it is a resource of its own."""
    return resource_found(node, Scope(node, node, scope.warnings, scope.depth))


def _contained(node: Json, scope: Scope) -> Found:
    """Check of a contained resource, which shares the container's fragments."""
    return resource_found(node, Scope(node, scope.root, scope.warnings, scope.depth))


def resource_found(node: Json, scope: Scope) -> Found:
    """What is wrong with the value as a resource of the type it names."""
    if type(node) is not dict:
        return [_not_an_object(node)]
    name = node.get("resourceType")
    if type(name) is not str or name not in TYPE_ID:
        return [Problem("structure", "must name a resource type of FHIR R4", "resourceType")]
    return shape(name).check(node, scope)
