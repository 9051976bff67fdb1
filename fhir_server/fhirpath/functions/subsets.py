"""first, last, skip, union, intersect and the like. https://hl7.org/fhirpath/N1/#subsetting"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhirpath import logic
from fhir_server.fhirpath.code import EMPTY, Code, Frame, Items, from_many, single
from fhir_server.fhirpath.equality import Seen
from fhir_server.fhirpath.functions.existence import distinct
from fhir_server.fhirpath.functions.signature import Compile, Function, integer_of, on_items
from fhir_server.fhirpath.syntax import Tree


def _skip(items: Items, count: Items) -> Items:
    number = integer_of(count)
    return items if number is None or number <= 0 else items[number:]


def _take(items: Items, count: Items) -> Items:
    number = integer_of(count)
    return EMPTY if number is None or number <= 0 else items[:number]


def _single(items: Items) -> Items:
    single(items)
    return items


def _intersect(items: Items, others: Items) -> Items:
    known = Seen(others)
    return distinct([item for item in items if item in known])


def _exclude(items: Items, others: Items) -> Items:
    known = Seen(others)
    return [item for item in items if item not in known]


def _union(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    return logic.union([source, compile(arguments[0])])


def _combine(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
    before, other = source.many, compile(arguments[0]).many

    def many(frame: Frame, this: Items) -> Items:
        items = before(frame, this) + other(frame, this)
        frame.spend(len(items))
        return items

    return from_many(many)


SUBSETS: dict[str, Function] = {
    "single": on_items(_single),
    "first": on_items(lambda items: items[:1]),
    "last": on_items(lambda items: items[-1:]),
    "tail": on_items(lambda items: items[1:]),
    "skip": on_items(_skip, 1),
    "take": on_items(_take, 1),
    "intersect": on_items(_intersect, 1),
    "exclude": on_items(_exclude, 1),
    "union": Function(1, 1, _union),
    "combine": Function(1, 1, _combine),
}
