"""Structures compiled into checks: elements, cardinality, types, choices, primitive extensions. https://hl7.org/fhir/R4/json.html

A check answers None where all is well. Paths are put together from the fault outwards, so that a resource without
faults costs one dictionary look-up and one call per element.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache

from fhir_server.definitions import Element, ElementType, is_a, primitive_types, structure
from fhir_server.resource_types import TYPE_ID
from fhir_server.validation.bindings import Extra, code_format, concept_check, listed_codes
from fhir_server.validation.members import (
    Check,
    Member,
    distinct,
    many,
    narrative,
    one,
    primitive,
    primitives,
    sibling,
    siblings,
)
from fhir_server.validation.primitives import FORMATS, REMEMBERED, Format
from fhir_server.validation.problem import Found, Node, Problem, Scope, joined
from fhir_server.validation.references import target_check
from fhir_server.validation.rules import rules
from mappings.r4 import Json

MAX_DEPTH = 64
"""Objects within objects."""

Entry = tuple[Container[str], Format | None, Member, str | None]
"""What is known of a JSON name: texts that are right, the format if that is all there is to check, the check, and the
choice it belongs to."""

_ELEMENT_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


class Shape:
    """A structure as a check; compiled when the first value comes."""

    __slots__ = ("_errors", "_is_element", "_is_extension", "_members", "_required", "_rules", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._members: dict[str, Entry] | None = None

    def _compile(self) -> dict[str, Entry]:
        definition = structure(self.name)
        members: dict[str, Entry] = {}
        required: list[tuple[str, tuple[str, ...]]] = []
        for element in definition.elements.values():
            if element.max == 0:
                continue
            stem = element.name if element.choice else None
            for json_name, kind in element.json_names().items():
                value_format, member = _member(element, kind, json_name)
                right = _right(element, kind) if value_format and stem is None else ()
                members[json_name] = (right, value_format, member, stem)
                # Element.id, Extension.url and Resource.id are plain text, and carry not even ele-1.
                if kind.code in _extensible() and element.constraints:
                    beside = sibling if element.max == 1 else siblings
                    beside_check = beside(element.name, json_name, shape("Element").check)
                    members["_" + json_name] = ((), None, beside_check, stem)
            if element.min:
                names = tuple(element.json_names())
                required.append((element.name, names + tuple("_" + name for name in names)))
        # Element itself is what stands beside a primitive value, which may be all the content there is.
        self._is_element = definition.kind != "resource" and self.name != "Element"
        self._is_extension = self.name == "Extension"
        if definition.kind == "resource":
            members["resourceType"] = ((), None, _as_given, None)
        self._required = tuple(required)
        self._rules = rules(definition.constraints, self.name)
        self._errors = tuple(rule for rule in self._rules if rule.constraint.severity == "error")
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
                right, value_format, member, stem = entry
                if value.__class__ is str and value in right:
                    continue
                if value_format is None or value_format(value) is not None:
                    found = member(value, node, scope)
                else:
                    found = None
                if stem is not None:
                    if chosen is None:
                        chosen = {stem: name}
                    elif chosen.setdefault(stem, name).lstrip("_") != name.lstrip("_"):
                        found = joined(found, [Problem("structure", "must be given with one type only", stem)])
            if found is not None:
                problems = joined(problems, found)
        for label, names in self._required:
            if names[0] not in node and not any(name in node for name in names):
                problems = joined(problems, [Problem("required", "is required", label)])
        if self._is_element and (len(node) < 2 or self._is_extension):
            fault = self._empty(node, chosen)
            if fault is not None:
                problems = joined(problems, [fault])
        held = self._rules if scope.warnings else self._errors
        if held and (problems is None or all(map(_leaves_structure, problems))):
            for rule in held:
                if not rule.holds(node, scope):
                    problems = joined(problems, [rule.broken()])
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


def _leaves_structure(problem: Problem) -> bool:
    """Whether invariants can be evaluated in spite of it."""
    return problem.code == "invariant" or problem.severity == "warning"


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


def _member(element: Element, kind: ElementType, json_name: str) -> tuple[Format | None, Member]:
    """Check of an element in the form of one of its types; in front the format that says all of it, if one does."""
    if kind.code in FORMATS:
        value_format, code = _format(element, kind), "value"
        if element.value_set and value_format is not FORMATS[kind.code]:
            code = "code-invalid"
        extras = [rule.check for rule in rules(element.constraints, kind.code)]
        if kind.code == "xhtml":
            return None, narrative(element.name, value_format)
        if element.max is None:
            return None, primitives(element.name, json_name, value_format, code, extras)
        return None if extras else value_format, primitive(element.name, value_format, code, extras)
    if element.name == "contained" and kind.code == "Resource":
        return None, distinct(many(element.name, _contained))
    check = _complex(element, kind)
    return None, many(element.name, check) if element.max is None else one(element.name, check)


def _right(element: Element, kind: ElementType) -> Container[str]:
    """Texts that are known to be of the element's format, be it that they are listed or that they have come before."""
    value_format = _format(element, kind)
    if value_format is FORMATS[kind.code]:
        return REMEMBERED.get(kind.code, ())
    return listed_codes(element.value_set or "") or ()


def _format(element: Element, kind: ElementType) -> Format:
    if element.value_set and kind.code in ("code", "string", "uri"):
        bound = code_format(element.value_set)
        if bound is not None:
            return bound
    owner, _, name = element.path.rpartition(".")
    if name == "id" and "." not in owner and is_a(owner, "Resource"):
        return FORMATS["id"]
    return FORMATS[kind.code]


def _complex(element: Element, kind: ElementType) -> Check:
    """Check of one object of the type, with what the element adds to its type."""
    if is_a(kind.code.partition(".")[0], "Resource") and "." not in kind.code:
        return _resource
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
                    found = joined(found, more)
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
        extras.extend(rule.check for rule in own)
    return tuple(extras)


def _simple_quantity(node: Node, scope: Scope) -> Found:
    if "comparator" in node or "_comparator" in node:
        return [Problem("invariant", "sqty-1: The comparator is not used on a SimpleQuantity")]
    return None


def _resource(node: Json, scope: Scope) -> Found:
    """Check of a resource inside a Bundle or Parameters: it is a resource of its own."""
    return resource_found(node, Scope(node, scope.warnings, depth=scope.depth))


def _contained(node: Json, scope: Scope) -> Found:
    """Check of a contained resource, which shares the container's fragments."""
    return resource_found(node, Scope(node, scope.warnings, outer=scope, depth=scope.depth))


def resource_found(node: Json, scope: Scope) -> Found:
    """What is wrong with the value as a resource of the type it names."""
    if type(node) is not dict:
        return [_not_an_object(node)]
    name = node.get("resourceType")
    if type(name) is not str or name not in TYPE_ID:
        return [Problem("structure", "must name a resource type of FHIR R4", "resourceType")]
    return shape(name).check(node, scope)
