"""Checks of what stands under one name of a JSON object: one or many, complex or primitive. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fhir_server.narrative import BLANK
from fhir_server.validation.bindings import Extra
from fhir_server.validation.primitives import Format
from fhir_server.validation.problem import Found, Node, Problem, Scope, joined, within
from mappings.r4 import Json

Check = Callable[[Json, Scope], Found]
"""Check of one value."""

Member = Callable[[Json, Node, Scope], Found]
"""Check of what stands under a name of a JSON object: value, object, scope."""

_NO_CONTENT = "ele-1: All FHIR elements must have a value or children"


def one(name: str, check: Check) -> Member:
    """An object."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        found = check(value, scope)
        return None if found is None else within(found, name)

    return member


def many(name: str, check: Check) -> Member:
    """An array of objects."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        problems: Found = None
        for index, item in enumerate(value):
            found = check(item, scope)
            if found is not None:
                problems = joined(problems, within(found, f"{name}[{index}]"))
        return problems

    return member


def distinct(contained: Member) -> Member:
    """Contained resources need ids that tell them apart."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        found = contained(value, node, scope)
        if type(value) is list and len(value) > 1:
            ids = [entry["id"] for entry in value if type(entry) is dict and type(entry.get("id")) is str]
            if len(set(ids)) < len(ids):
                return joined(found, [Problem("structure", "must not have two resources of the same id", "contained")])
        return found

    return member


def narrative(name: str, value_format: Format) -> Member:
    """XHTML; being blank is only a warning."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        reason = value_format(value)
        if reason is None or (reason is BLANK and not scope.warnings):
            return None
        if reason is BLANK:
            return [Problem("invariant", f"txt-2: {name} {reason}", name, severity="warning")]
        return [Problem("value", reason, name)]

    return member


def primitive(name: str, value_format: Format, code: str, extras: Sequence[Extra]) -> Member:
    """A primitive value: its format, then the rules of the element."""

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


def primitives(name: str, json_name: str, value_format: Format, code: str, extras: Sequence[Extra]) -> Member:
    """An array of primitive values, null where only extensions are given."""
    beside = "_" + json_name

    def member(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        problems: list[Problem] = []
        for index, item in enumerate(value):
            if item is None and _at(node.get(beside), index) is not None:
                continue  # Its extensions stand in the sibling.
            reason = value_format(item)
            if reason is not None:
                problems.append(Problem(code, reason, f"{name}[{index}]"))
            else:
                for extra in extras:
                    problems += within(extra(item, scope) or [], f"{name}[{index}]")
        return problems or None

    return member


def sibling(name: str, json_name: str, extensions: Check) -> Member:
    """Check of "_name", which holds id and extensions of the primitive value under "name"."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        found = extensions(value, scope)
        if found is None and not _says_something(value, json_name in node):
            found = [Problem("invariant", _NO_CONTENT)]
        return None if found is None else within(found, name)

    return member


def siblings(name: str, json_name: str, extensions: Check) -> Member:
    """As `sibling`, for an element that repeats: one object or null for each value."""

    def member(value: Json, node: Node, scope: Scope) -> Found:
        if type(value) is not list:
            return [Problem("structure", "must be an array", name)]
        if not value:
            return [Problem("structure", "must not be an empty array", name)]
        values = node.get(json_name)
        problems: Found = None
        for index, item in enumerate(value):
            has_value = _at(values, index) is not None
            found: Found = None
            if item is not None:
                found = extensions(item, scope)
                if found is None and not _says_something(item, has_value):
                    found = [Problem("invariant", _NO_CONTENT)]
            elif not has_value:
                found = [Problem("structure", "must not be null both as value and as extensions")]
            if found is not None:
                problems = joined(problems, within(found, f"{name}[{index}]"))
        return problems

    return member


def _says_something(extensions: Node, has_value: bool) -> bool:
    """ele-1 of a primitive: an id alone is enough only beside a value."""
    return "extension" in extensions or (has_value and "id" in extensions)


def _at(values: Json, index: int) -> Json:
    return values[index] if type(values) is list and index < len(values) else None
