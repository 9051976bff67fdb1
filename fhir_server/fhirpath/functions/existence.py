"""empty, exists, all, count, distinct and the like. https://hl7.org/fhirpath/N1/#existence"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fhir_server.fhirpath.code import Code, Frame, Items, from_many, from_truth
from fhir_server.fhirpath.equality import Seen
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Compile, Function, check_of_items, on_items
from fhir_server.fhirpath.nodes import plain
from fhir_server.fhirpath.paths import present
from fhir_server.fhirpath.syntax import Tree


def _empty(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, chain = source.many, source.chain
    if chain:
        return from_truth(lambda frame, this: not present(this, chain))
    return from_truth(lambda frame, this: not before(frame, this))


def _exists(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, chain = source.many, source.chain
    if arguments:
        return from_truth(_any(before, compile(arguments[0])))
    if chain:
        return from_truth(lambda frame, this: present(this, chain))
    return from_truth(lambda frame, this: bool(before(frame, this)))


def _any(before: Callable[[Frame, Items], Items], criterion: Code) -> Callable[[Frame, Items], bool]:
    holds = criterion.truth

    def truth(frame: Frame, this: Items) -> bool:
        outer = frame.index
        items = before(frame, this)
        frame.spend(len(items))
        found = False
        for frame.index, item in enumerate(items):
            if holds(frame, [item]):
                found = True
                break
        frame.index = outer
        return found

    return truth


def _all(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, holds = source.many, compile(arguments[0]).truth

    def truth(frame: Frame, this: Items) -> bool:
        outer = frame.index
        items = before(frame, this)
        frame.spend(len(items))
        answer = True
        for frame.index, item in enumerate(items):
            if not holds(frame, [item]):
                answer = False
                break
        frame.index = outer
        return answer

    return from_truth(truth)


def _not(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    inner = source.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        value = inner(frame, this)
        return None if value is None else not value

    return from_truth(truth)


def _booleans(items: Items) -> list[bool]:
    values = [plain(item) for item in items]
    if any(value.__class__ is not bool for value in values):
        raise FhirPathError("only booleans are expected")
    return values


def _subset(items: Items, others: Items) -> bool:
    known = Seen(others)
    return all(item in known for item in items)


def distinct(items: Items) -> Items:
    """Each item once, in the order of first appearance."""
    if len(items) < 2:
        return items
    seen = Seen()
    return [item for item in items if seen.add(item)]


def _is_distinct(items: Items) -> bool:
    seen = Seen()
    return all(seen.add(item) for item in items)


def _count(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before = source.many
    return from_many(lambda frame, this: [len(before(frame, this))])


EXISTENCE: dict[str, Function] = {
    "empty": Function(0, 0, _empty),
    "exists": Function(0, 1, _exists),
    "all": Function(1, 1, _all),
    "not": Function(0, 0, _not),
    "count": Function(0, 0, _count),
    "allTrue": check_of_items(lambda items: all(_booleans(items))),
    "anyTrue": check_of_items(lambda items: any(_booleans(items))),
    "allFalse": check_of_items(lambda items: not any(_booleans(items))),
    "anyFalse": check_of_items(lambda items: not all(_booleans(items))),
    "subsetOf": check_of_items(_subset, 1),
    "supersetOf": check_of_items(lambda items, others: _subset(others, items), 1),
    "distinct": on_items(distinct),
    "isDistinct": check_of_items(_is_distinct),
}
