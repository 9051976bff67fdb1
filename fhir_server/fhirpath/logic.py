"""Three-valued logic, equality and membership as code. https://hl7.org/fhirpath/N1/#boolean-logic"""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.fhirpath.code import EMPTY, Code, Frame, Items, from_many, from_truth, single
from fhir_server.fhirpath.equality import Seen, equal, equal_items, equivalent, order
from fhir_server.fhirpath.nodes import Node
from fhir_server.fhirpath.paths import text_of_element


def conjunction(left: Code, right: Code) -> Code:
    """left and right"""
    a, b = left.truth, right.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        first = a(frame, this)
        if first is False:
            return False
        second = b(frame, this)
        return second if first or second is False else None

    return from_truth(truth)


def disjunction(left: Code, right: Code) -> Code:
    """left or right"""
    a, b = left.truth, right.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        first = a(frame, this)
        if first:
            return True
        second = b(frame, this)
        return second if first is False or second else None

    return from_truth(truth)


def exclusive(left: Code, right: Code) -> Code:
    """left xor right"""
    a, b = left.truth, right.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        first, second = a(frame, this), b(frame, this)
        return None if first is None or second is None else first is not second

    return from_truth(truth)


def implication(left: Code, right: Code) -> Code:
    """left implies right"""
    a, b = left.truth, right.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        first = a(frame, this)
        if first is False:
            return True
        second = b(frame, this)
        return second if first or second else None

    return from_truth(truth)


def equality(left: Code, right: Code) -> Code:
    """left = right"""
    a, b = left.many, right.many
    return from_truth(lambda frame, this: equal(a(frame, this), b(frame, this)))


def equality_with_text(left: Code, text: str) -> Code:
    """left = 'text', the commonest comparison of all."""
    a = left.many
    name = left.chain[0] if len(left.chain) == 1 else ""

    def truth(frame: Frame, this: Items) -> bool | None:
        if name and len(this) == 1 and (found := text_of_element(this[0], name)) is not None:
            return found == text
        items = a(frame, this)
        if not items:
            return None
        if len(items) > 1:
            return False
        item = items[0]
        value = item.value if item.__class__ is Node else item
        return bool(value == text) if value.__class__ is str else bool(equal_items(item, text))

    return from_truth(truth)


def negated(code: Code) -> Code:
    """!= and !~ from = and ~"""
    inner = code.truth

    def truth(frame: Frame, this: Items) -> bool | None:
        value = inner(frame, this)
        return None if value is None else not value

    return from_truth(truth)


def equivalence(left: Code, right: Code) -> Code:
    """left ~ right"""
    a, b = left.many, right.many
    return from_truth(lambda frame, this: equivalent(a(frame, this), b(frame, this)))


def _ordered(accepts: Callable[[int], bool]) -> Callable[[Code, Code], Code]:
    def build(left: Code, right: Code) -> Code:
        a, b = left.many, right.many

        def truth(frame: Frame, this: Items) -> bool | None:
            first, second = single(a(frame, this)), single(b(frame, this))
            if first is None or second is None:
                return None
            found = order(first, second)
            return None if found is None else accepts(found)

        return from_truth(truth)

    return build


def membership(left: Code, right: Code) -> Code:
    """left in right"""
    a, b = left.many, right.many

    def truth(frame: Frame, this: Items) -> bool | None:
        items = a(frame, this)
        if not items:
            return None
        item = single(items)
        return any(equal_items(item, other) for other in b(frame, this))

    return from_truth(truth)


def membership_of_texts(left: Code, texts: frozenset[str]) -> Code:
    """left in ('a' | 'b' | 'c')"""
    a = left.many

    def truth(frame: Frame, this: Items) -> bool | None:
        items = a(frame, this)
        if not items:
            return None
        item = single(items)
        value = item.value if item.__class__ is Node else item
        return value.__class__ is str and value in texts

    return from_truth(truth)


def containment(left: Code, right: Code) -> Code:
    """left contains right"""
    return membership(right, left)


def union(parts: list[Code]) -> Code:
    """a | b | c: all items, each once."""
    sources = [part.many for part in parts]

    def many(frame: Frame, this: Items) -> Items:
        collections = [items for source in sources if (items := source(frame, this))]
        if not collections:
            return EMPTY
        if len(collections) == 1 and len(collections[0]) == 1:
            return collections[0]
        frame.spend(sum(map(len, collections)))
        seen = Seen()
        return [item for items in collections for item in items if seen.add(item)]

    return from_many(many)


OPERATORS: dict[str, Callable[[Code, Code], Code]] = {
    "and": conjunction,
    "or": disjunction,
    "xor": exclusive,
    "implies": implication,
    "=": equality,
    "!=": lambda left, right: negated(equality(left, right)),
    "~": equivalence,
    "!~": lambda left, right: negated(equivalence(left, right)),
    "<": _ordered(lambda found: found < 0),
    "<=": _ordered(lambda found: found <= 0),
    ">": _ordered(lambda found: found > 0),
    ">=": _ordered(lambda found: found >= 0),
    "in": membership,
    "contains": containment,
}
