"""Syntax tree of an expression: plain frozen values. https://hl7.org/fhirpath/N1/grammar.html"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Tree:
    """Any part of an expression; `position` is where it starts in the text."""

    position: int


@dataclass(frozen=True, slots=True)
class Empty(Tree):
    """`{}`"""


@dataclass(frozen=True, slots=True)
class Literal(Tree):
    """Boolean, number or string."""

    value: bool | int | Decimal | str


@dataclass(frozen=True, slots=True)
class TemporalLiteral(Tree):
    """`@2020-01-01` and the like; `kind` is date, dateTime or time, `text` has no @."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class QuantityLiteral(Tree):
    """`4 days`, `5 'mg'`; `calendar`: the unit is a keyword and not a UCUM code."""

    value: int | Decimal
    unit: str
    calendar: bool


@dataclass(frozen=True, slots=True)
class Special(Tree):
    """`$this`, `$index` or `$total`."""

    name: str


@dataclass(frozen=True, slots=True)
class External(Tree):
    """`%name`"""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Tree):
    """`source.name`; without source the name stands at the start of a path."""

    source: Tree | None
    name: str


@dataclass(frozen=True, slots=True)
class Call(Tree):
    """`source.name(arguments)`"""

    source: Tree | None
    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Index(Tree):
    """`source[index]`"""

    source: Tree
    index: Tree


@dataclass(frozen=True, slots=True)
class Sign(Tree):
    """`-operand`, `+operand`"""

    sign: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Binary(Tree):
    """`left operator right`"""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class TypeTest(Tree):
    """`operand is name`, `operand as name`; the name may have a namespace before a dot."""

    operator: str
    operand: Tree
    name: str
