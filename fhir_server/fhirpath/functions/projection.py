"""where, select, repeat, aggregate, iif, sort, trace: functions that evaluate their argument anew for each item.
https://hl7.org/fhirpath/N1/#filtering-and-projection"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

from fhir_server.fhirpath.code import EMPTY, Code, Frame, Items, Many, from_many, single
from fhir_server.fhirpath.equality import Seen, order
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Compile, Function, lambda_of
from fhir_server.fhirpath.nodes import plain
from fhir_server.fhirpath.syntax import Sign, Tree

_PRICE_OF_MEMORY = 20
"""Steps for an item that `repeat` has to remember."""


def _where(frame: Frame, items: Items, criterion: Code) -> Items:
    holds = criterion.truth
    outer = frame.index
    frame.spend(len(items))
    kept = []
    for frame.index, item in enumerate(items):
        if holds(frame, [item]):
            kept.append(item)
    frame.index = outer
    return kept


def _select(frame: Frame, items: Items, projection: Code) -> Items:
    project = projection.many
    outer = frame.index
    frame.spend(len(items))
    found: Items = []
    for frame.index, item in enumerate(items):
        more = project(frame, [item])
        frame.keep(more)
        found += more
    frame.index = outer
    return found


def _repeat(frame: Frame, items: Items, projection: Code) -> Items:
    project = projection.many
    seen = Seen()
    found: Items = []
    waiting = items
    outer = frame.index
    while waiting:
        following: Items = []
        for frame.index, item in enumerate(waiting):
            more = project(frame, [item])
            frame.spend(1)
            frame.keep(more, _PRICE_OF_MEMORY)
            # Two elements of equal content at different places are two items: only what is met again is left out.
            fresh = [new for new in more if _is_new(new, seen)]
            following += fresh
        found += following
        waiting = following
    frame.index = outer
    return found


def _is_new(item: object, seen: Seen) -> bool:
    place = getattr(item, "place", None)
    return seen.add((id(place[0]), place[1], place[2]) if place is not None else item)


def _aggregate(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, combine = source.many, compile(arguments[0]).many
    start: Many = compile(arguments[1]).many if len(arguments) > 1 else lambda frame, this: EMPTY

    def many(frame: Frame, this: Items) -> Items:
        items = before(frame, this)
        outer_index, outer_total = frame.index, frame.total
        total = start(frame, this)
        for index, item in enumerate(items):
            frame.index, frame.total = index, total
            total = combine(frame, [item])
            frame.spend(1)
            frame.keep(total)
        frame.index, frame.total = outer_index, outer_total
        return total

    return from_many(many)


def _iif(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, criterion, then = source.many, compile(arguments[0]).many, compile(arguments[1]).many
    otherwise: Many = compile(arguments[2]).many if len(arguments) > 2 else lambda frame, this: EMPTY

    def many(frame: Frame, this: Items) -> Items:
        items = before(frame, this)
        single(items)
        decision = single(criterion(frame, items))
        value = plain(decision)
        if decision is not None and value.__class__ is not bool:
            raise FhirPathError("the criterion of 'iif' must be true or false")
        return then(frame, items) if value else otherwise(frame, items)

    return from_many(many)


def _trace(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, name = source.many, compile(arguments[0]).many
    projection = compile(arguments[1]).many if len(arguments) > 1 else None

    def many(frame: Frame, this: Items) -> Items:
        items = before(frame, this)
        if frame.trace is not None:
            shown = items if projection is None else [part for item in items for part in projection(frame, [item])]
            frame.trace(str(plain(single(name(frame, this)))), shown)
        return items

    return from_many(many)


def _sort(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before = source.many
    keys: list[tuple[Many, int]] = []
    for argument in arguments:
        descending = isinstance(argument, Sign) and argument.sign == "-"
        tree = argument.operand if isinstance(argument, Sign) and descending else argument
        keys.append((compile(tree).many, -1 if descending else 1))

    def many(frame: Frame, this: Items) -> Items:
        items = before(frame, this)
        frame.spend(len(items))
        projections = keys or [((lambda _, item: item), 1)]
        rows = [(item, [single(project(frame, [item])) for project, _ in projections]) for item in items]

        def compare(left: tuple[object, list[object]], right: tuple[object, list[object]]) -> int:
            for a, b, (_, sign) in zip(left[1], right[1], projections, strict=True):
                if a is None or b is None:
                    found = (a is None) - (b is None)  # An empty key stands last.
                else:
                    found = order(a, b) or 0
                if found:
                    return found * sign
            return 0

        return [item for item, _ in sorted(rows, key=cmp_to_key(compare))]

    return from_many(many)


PROJECTION: dict[str, Function] = {
    "where": lambda_of(_where),
    "select": lambda_of(_select),
    "repeat": lambda_of(_repeat),
    "aggregate": Function(1, 2, _aggregate),
    "iif": Function(2, 3, _iif),
    "trace": Function(1, 2, _trace),
    "sort": Function(0, 10, _sort),
}
