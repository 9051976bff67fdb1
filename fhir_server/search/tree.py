"""Places in the JSON of a type, and what is emitted at each: a tree of names, compiled to closures.

https://hl7.org/fhir/R4/json.html What no name of the tree leads to is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fhir_server.search.paths import Move
from fhir_server.search.sink import Emit, Sink


@dataclass(slots=True)
class Place:
    """What is emitted there, and what lies below."""

    emitters: list[Emit] = field(default_factory=list)
    members: dict[str, Place] = field(default_factory=dict)
    first: dict[str, Place] = field(default_factory=dict)
    """Members of which only the first item counts."""
    filtered: list[tuple[Callable[[Any], bool], Place]] = field(default_factory=list)
    conditions: dict[Move, Place] = field(default_factory=dict)

    def below(self, move: Move) -> Place:
        """The place a move leads to, made if need be."""
        if move[0] == "key":
            return self.members.setdefault(move[1], Place())
        if move[0] == "first":
            return self.first.setdefault(move[1], Place())
        if move not in self.conditions:
            self.conditions[move] = Place()
            self.filtered.append((_condition(move), self.conditions[move]))
        return self.conditions[move]


def _condition(move: Move) -> Callable[[Any], bool]:
    kind, member, value = move  # type: ignore[misc]  # the other kinds of move never come here
    if kind == "equals":
        return lambda element: element.get(member) == value
    return lambda element: any(extension.get("url") == value for extension in element.get(member, ()))


def compiled(place: Place) -> Emit:
    """A function over one element (not a list) that writes all rows at and below the place."""
    table: dict[str, Emit] = {}
    for name in place.members.keys() | place.first.keys():
        table[name] = _member(place.members.get(name), place.first.get(name))
    filtered = [(condition, compiled(below)) for condition, below in place.filtered]
    emitters = place.emitters
    if not table and not filtered and len(emitters) == 1:
        return emitters[0]

    def visit(value: Any, sink: Sink) -> None:
        for emit in emitters:
            emit(value, sink)
        for condition, below in filtered:
            if condition(value):
                below(value, sink)

    if not table:
        return visit

    def walk(value: Any, sink: Sink) -> None:
        for name, below in value.items():
            found = table.get(name)
            if found is not None:
                found(below, sink)
        if emitters or filtered:
            visit(value, sink)

    return walk


def _member(every: Place | None, first: Place | None) -> Emit:
    """A function over the value of a member, be it one element or a list of them."""
    visit = compiled(every) if every else None
    visit_first = compiled(first) if first else None

    def enter(value: Any, sink: Sink) -> None:
        if type(value) is list:
            if visit is not None:
                for item in value:
                    # null stands for a primitive with extensions only
                    if item is not None:
                        visit(item, sink)
            if visit_first is not None and value:
                visit_first(value[0], sink)
        elif visit is not None and value is not None:
            visit(value, sink)

    return enter
