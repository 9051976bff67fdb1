"""Copies, comparison and pruning of JSON while it is patched. https://www.rfc-editor.org/rfc/rfc6902"""

from __future__ import annotations

from collections.abc import Set
from decimal import Decimal

from mappings.r4 import Json

MAX_COPIED = 10_000_000
"""Size of what the `copy` operations of one patch may add, in characters: copies of copies would double without end."""

_PRICE_OF_A_VALUE = 16


def copied(value: Json) -> Json:
    """A deep copy: it shares nothing that can change."""
    if value.__class__ is dict:
        return {key: copied(member) for key, member in value.items()}
    if value.__class__ is list:
        return [copied(item) for item in value]
    return value


class Copier:
    """Deep copies that together stay within MAX_COPIED."""

    def __init__(self) -> None:
        self._room = MAX_COPIED

    def copy(self, value: Json) -> Json:
        """As `copied`. Raises OverflowError when all copies together are too large."""
        self._room -= _PRICE_OF_A_VALUE + (len(value) if value.__class__ is str else 0)
        if self._room < 0:
            raise OverflowError("the patch makes the resource too large")
        if value.__class__ is dict:
            return {key: self.copy(member) for key, member in value.items()}
        if value.__class__ is list:
            return [self.copy(item) for item in value]
        return value


def equal(left: Json, right: Json) -> bool:
    """Equality as RFC 6902 has it for `test`: numbers by value (1.10 is 1.1), true is not 1, keys in any order."""
    if left.__class__ is dict and right.__class__ is dict:
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if left.__class__ is list and right.__class__ is list:
        return len(left) == len(right) and all(map(equal, left, right))
    numbers = (int, Decimal)
    if left.__class__ in numbers and right.__class__ in numbers:
        return bool(left == right)
    return left.__class__ is right.__class__ and bool(left == right)


def without_emptied(value: Json, emptied: Set[int] | None = None) -> Json:
    """The value without empty arrays and objects, which FHIR JSON does not have, and without what that leaves empty.

    With `emptied` (ids of arrays) only those of them that are empty are left out.
    """
    if value.__class__ is dict:
        kept = {key: without_emptied(member, emptied) for key, member in value.items()}
        return {key: member for key, member in kept.items() if not _goes(member, value[key], emptied)}
    if value.__class__ is list:
        pairs = [(without_emptied(item, emptied), item) for item in value]
        return [member for member, item in pairs if not _goes(member, item, emptied)]
    return value


def _goes(member: Json, original: Json, emptied: Set[int] | None) -> bool:
    if member.__class__ not in (dict, list) or member:
        return False
    return emptied is None or (id(original) in emptied and not original)
