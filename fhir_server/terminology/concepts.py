"""The concepts of a CodeSystem: their hierarchy and properties, and the filters that select them.

https://hl7.org/fhir/R4/codesystem.html https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2  # type: ignore[import-untyped]

from fhir_server.outcome import Invalid

Json = dict[str, Any]


class Concepts:
    """All concepts of a CodeSystem whose content is complete."""

    def __init__(self, code_system: Json) -> None:
        """Reads nested concepts and the properties `parent`, `child` and `subsumedBy`."""
        self._properties: dict[str, dict[str, list[str]]] = {}
        self._parents: dict[str, set[str]] = {}
        self._children: dict[str, set[str]] = {}
        waiting: list[tuple[Json, str | None]] = [(row, None) for row in code_system.get("concept", ())]
        while waiting:
            row, parent = waiting.pop()
            code = row["code"]
            found = self._properties.setdefault(code, {})
            if "display" in row:
                found.setdefault("display", []).append(row["display"])
            if parent is not None:
                self._below(parent, code)
            for held in row.get("property", ()):
                value = _text(held)
                found.setdefault(held["code"], []).append(value)
                if held["code"] in ("parent", "subsumedBy"):
                    self._below(value, code)
                elif held["code"] == "child":
                    self._below(code, value)
            waiting += [(below, code) for below in row.get("concept", ())]

    def _below(self, parent: str, child: str) -> None:
        self._children.setdefault(parent, set()).add(child)
        self._parents.setdefault(child, set()).add(parent)

    def __contains__(self, code: str) -> bool:
        return code in self._properties

    def all(self) -> frozenset[str]:
        """Every code."""
        return frozenset(self._properties)

    def active(self) -> frozenset[str]:
        """Every code that is not marked inactive or retired."""
        gone = {"inactive": "true", "status": "retired"}
        return frozenset(
            code
            for code, held in self._properties.items()
            if not any(value in held.get(name, ()) for name, value in gone.items())
        )

    def descendants(self, code: str) -> frozenset[str]:
        """The code and all below it."""
        return _reached(code, self._children)

    def ancestors(self, code: str) -> frozenset[str]:
        """The code and all above it."""
        return _reached(code, self._parents)

    def selected(self, name: str, operation: str, value: str, path: str) -> frozenset[str]:
        """The codes that ValueSet.compose.include.filter selects. Raises Invalid, naming `path`."""
        select = _OPERATIONS.get(operation)
        if select is None:
            raise Invalid(f"{path}.op is no filter operator of R4", code="not-supported")
        if operation in _HIERARCHY and name not in ("concept", "code"):
            raise Invalid(f"{path}: this operator asks for the property 'concept'", code="not-supported")
        return select(self, name, value, path)

    def values(self, code: str, name: str) -> Iterable[str]:
        """Values of a property of a code: of `code` and `concept` itself, of `parent` and `child` by the hierarchy."""
        if name in ("code", "concept"):
            return (code,)
        if name in ("parent", "child"):
            return (self._parents if name == "parent" else self._children).get(code, ())
        return self._properties[code].get(name, ())

    def having(self, name: str, test: Callable[[str], bool]) -> frozenset[str]:
        """Codes of which a value of the property passes the test."""
        return frozenset(code for code in self._properties if any(map(test, self.values(code, name))))


def _text(held: Json) -> str:
    """A property's value as filters write it."""
    value = next((value for key, value in held.items() if key.startswith("value")), "")
    if isinstance(value, dict):
        return str(value.get("code", ""))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reached(code: str, steps: Mapping[str, set[str]]) -> frozenset[str]:
    found, waiting = {code}, [code]
    while waiting:
        for step in steps.get(waiting.pop(), ()):
            if step not in found:
                found.add(step)
                waiting.append(step)
    return frozenset(found)


def _is_a(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return concepts.descendants(value) if value in concepts else frozenset()


def _descendent_of(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return _is_a(concepts, name, value, path) - {value}


def _is_not_a(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return concepts.all() - _is_a(concepts, name, value, path)


def _generalizes(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return concepts.ancestors(value) if value in concepts else frozenset()


def _equal(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return concepts.having(name, lambda held: held == value)


def _in(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    wanted = frozenset(part.strip() for part in value.split(","))
    return concepts.having(name, wanted.__contains__)


def _not_in(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    return concepts.all() - _in(concepts, name, value, path)


def _exists(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    if value not in ("true", "false"):
        raise Invalid(f"{path}.value is true or false", code="value")
    there = concepts.having(name, lambda held: True)
    return there if value == "true" else concepts.all() - there


def _regex(concepts: Concepts, name: str, value: str, path: str) -> frozenset[str]:
    # Linear in the text, whatever the pattern: it comes with the data.
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(value, options)
    except re2.error:
        raise Invalid(f"{path}.value is no regular expression that can be evaluated here", code="value") from None
    return concepts.having(name, lambda held: pattern.fullmatch(held) is not None)


_HIERARCHY = frozenset(("is-a", "descendent-of", "is-not-a", "generalizes"))
_OPERATIONS: dict[str, Callable[[Concepts, str, str, str], frozenset[str]]] = {
    "=": _equal,
    "is-a": _is_a,
    "descendent-of": _descendent_of,
    "is-not-a": _is_not_a,
    "regex": _regex,
    "in": _in,
    "not-in": _not_in,
    "generalizes": _generalizes,
    "exists": _exists,
}
