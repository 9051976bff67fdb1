"""What a check finds, and the resource it looks into; paths are put together only for what is wrong."""

from __future__ import annotations

from typing import Any

from mappings.r4 import Json

Node = dict[str, Any]
"""A JSON object."""


class Problem:
    """One fault. `path` grows from the element at fault outwards: ["name", "contact[0]"]."""

    __slots__ = ("code", "path", "severity", "text")

    def __init__(self, code: str, text: str, *path: str, severity: str = "error") -> None:
        self.code, self.text, self.severity = code, text, severity
        self.path = list(path)


Found = list[Problem] | None
"""None where nothing is wrong, so that the usual case allocates nothing."""


class Scope:
    """The resource around the element being checked."""

    __slots__ = ("_contained", "_outer", "depth", "resource", "root", "warnings")

    def __init__(self, resource: Json, warnings: bool, *, outer: Scope | None = None, depth: int = 0) -> None:
        """`outer`: of a contained resource, the scope of its container."""
        self.resource = resource
        """%resource: the resource, which may be a contained one."""
        self.root: Json = resource if outer is None else outer.root
        """%rootResource: the resource, or the container of a contained one."""
        self.warnings = warnings
        self.depth = depth
        self._outer = outer
        self._contained: dict[str, Node] | None = None

    def contained(self, id: str) -> Node | None:
        """The contained resource of that id."""
        if self._outer is not None:
            return self._outer.contained(id)
        if self._contained is None:
            entries = self.root.get("contained") if type(self.root) is dict else None
            objects = [entry for entry in entries if type(entry) is dict] if type(entries) is list else []
            self._contained = {entry["id"]: entry for entry in objects if type(entry.get("id")) is str}
        return self._contained.get(id)


def within(found: list[Problem], segment: str) -> list[Problem]:
    """The problems, seen from one level further out."""
    for problem in found:
        problem.path.append(segment)
    return found


def joined(problems: Found, more: list[Problem]) -> list[Problem]:
    """Both lists as one; the first is extended."""
    if problems is None:
        return more
    problems.extend(more)
    return problems
