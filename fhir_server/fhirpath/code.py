"""The closures an expression is compiled to, and the frame they run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import Node, plain

Items = list[Any]
"""A collection: Node and System values. Never changed once made, since closures share them."""

TRUE: Items = [True]
FALSE: Items = [False]
EMPTY: Items = []

MAX_STEPS = 2_000_000
"""Items one evaluation may pass through lambda functions and collections; ends endless `repeat` and the like."""

MAX_TEXT = 1_000_000
"""Characters of a string that an expression makes."""


class Frame:
    """State of one evaluation."""

    __slots__ = ("context", "index", "now", "resolve", "resource", "root", "steps", "total", "trace", "variables")

    def __init__(
        self,
        context: Items,
        resource: Any,
        root: Any,
        variables: Mapping[str, list[Any]] | None,
        resolve: Callable[[str], Any] | None,
        trace: Callable[[str, Items], None] | None,
        now: Callable[[], datetime],
    ) -> None:
        self.context = context
        self.resource = resource
        self.root = root
        self.variables = variables
        self.resolve = resolve
        self.trace = trace
        self.now = now
        self.index: int | None = None
        self.total: Items = EMPTY
        self.steps = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Counts work done. Raises FhirPathError when the evaluation has become too large."""
        self.steps -= steps
        if self.steps < 0:
            raise FhirPathError("evaluation takes too many steps")

    def keep(self, items: Items, price: int = 1) -> None:
        """Counts items that are gathered into a collection, long text by its length. Raises as `spend`."""
        steps = 0
        for item in items:
            steps += price if item.__class__ is not str else price + (len(item) >> 4)
        self.spend(steps)


Many = Callable[[Frame, Items], Items]
"""(frame, $this) -> collection"""

Truth = Callable[[Frame, Items], bool | None]
"""(frame, $this) -> three-valued truth; None is the empty collection."""


class Code(NamedTuple):
    """A compiled part of an expression in both of its forms."""

    many: Many
    truth: Truth
    chain: tuple[str, ...] = ()
    """Names, where the part is nothing but a path from $this: lets `exists()` and `=` look without making nodes."""


def truth_of(items: Items) -> bool | None:
    """Collection as a Boolean: empty is None, a single item that is no Boolean counts as true.

    Raises FhirPathError for several items. https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("a single true or false is expected, there are several items")
    value = plain(items[0])
    if value.__class__ is bool:
        return bool(value)
    item = items[0]
    return None if value is None and item.__class__ is Node and item.type.name == "boolean" else True


def from_many(many: Many) -> Code:
    """Code of a collection-valued part."""

    def truth(frame: Frame, this: Items) -> bool | None:
        return truth_of(many(frame, this))

    return Code(many, truth)


def from_truth(truth: Truth) -> Code:
    """Code of a Boolean part."""

    def many(frame: Frame, this: Items) -> Items:
        value = truth(frame, this)
        return EMPTY if value is None else TRUE if value else FALSE

    return Code(many, truth)


def single(items: Items) -> Any:
    """The one item, None for an empty collection. Raises FhirPathError for several."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("a single item is expected, there are several")
    return items[0]


def bounded(text: str) -> str:
    """The text. Raises FhirPathError when it has become too long."""
    if len(text) > MAX_TEXT:
        raise FhirPathError("text has become too long")
    return text
