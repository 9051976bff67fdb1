"""How a function of FHIRPath is described to the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from fhir_server.fhirpath.code import EMPTY, Code, Frame, Items, from_many, from_truth, single
from fhir_server.fhirpath.equality import comparable_value
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import is_number
from fhir_server.fhirpath.syntax import Tree

Compile = Callable[[Tree], Code]
Build = Callable[[Code, Sequence[Tree], Compile], Code]
"""(code of what stands before the dot, argument trees, compiler for them) -> code of the call"""


class Function(NamedTuple):
    """A function, and how many arguments it takes."""

    least: int
    most: int
    build: Build


def on_items(call: Callable[..., Items], least: int = 0, most: int | None = None) -> Function:
    """Function of the input collection and of argument collections: call(input, *arguments) -> collection."""

    def build(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
        before = source.many
        codes = [compile(argument).many for argument in arguments]
        if not codes:
            return from_many(lambda frame, this: call(before(frame, this)))
        return from_many(lambda frame, this: call(before(frame, this), *[code(frame, this) for code in codes]))

    return Function(least, least if most is None else most, build)


def check_of_items(call: Callable[..., bool | None], least: int = 0, most: int | None = None) -> Function:
    """As `on_items`, for a function that answers true, false or nothing."""

    def build(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
        before = source.many
        codes = [compile(argument).many for argument in arguments]
        if not codes:
            return from_truth(lambda frame, this: call(before(frame, this)))
        return from_truth(lambda frame, this: call(before(frame, this), *[code(frame, this) for code in codes]))

    return Function(least, least if most is None else most, build)


def text_of(items: Items) -> str | None:
    """The one string of a collection; None when it is empty. Raises FhirPathError for anything else."""
    value = comparable_value(single(items))
    if value is None or value.__class__ is str:
        return value
    if items[0].__class__ is not str and getattr(items[0], "value", None).__class__ is str:
        return str(items[0].value)  # A FHIR date where a string is expected.
    raise FhirPathError("a string is expected")


def integer_of(items: Items) -> int | None:
    """The one integer of a collection; None when it is empty. Raises FhirPathError for anything else."""
    value = comparable_value(single(items))
    if value is None:
        return None
    if value.__class__ is not int:
        raise FhirPathError("an integer is expected")
    return int(value)


def number_of(items: Items) -> int | Decimal | None:
    """The one number of a collection; None when it is empty. Raises FhirPathError for anything else."""
    value = comparable_value(single(items))
    if value is None or (isinstance(value, (int, Decimal)) and is_number(value)):
        return value
    raise FhirPathError("a number is expected")


def on_text(call: Callable[..., Any], *arguments: Callable[[Items], Any], least: int | None = None) -> Function:
    """Function of one string: call(text, *arguments) -> value or None; empty when input or an argument given is."""

    def items(source: Items, *given: Items) -> Items:
        text = text_of(source)
        values = [read(value) for read, value in zip(arguments, given, strict=False)]
        if text is None or any(value is None for value in values):
            return EMPTY
        value = call(text, *values)
        return EMPTY if value is None else [value]

    return on_items(items, len(arguments) if least is None else least, len(arguments))


def lambda_of(call: Callable[[Frame, Items, Code], Items], least: int = 1, most: int = 1) -> Function:
    """Function whose argument is evaluated anew for each item: call(frame, input, code of the argument)."""

    def build(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
        before, code = source.many, compile(arguments[0])
        return from_many(lambda frame, this: call(frame, before(frame, this), code))

    return Function(least, most, build)
