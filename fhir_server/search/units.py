"""Units of measure in canonical form, so that 1 g and 1000 mg are found as one. https://ucum.org/ucum

Parses UCUM codes itself, with exact fractions, over the table of units (`ucum-essence.xml`) that the package ucumvert
carries; see docs/decisions/units-of-measure.md for why not through pint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree.ElementTree import Element, parse

UCUM = "http://unitsofmeasure.org"

_PRECISE = Context(prec=28)
_EXACT = Context(prec=60, traps=[Inexact])
_NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
_PI = Fraction("3.1415926535897932384626433832795028841971693993751058209749445923")
_LARGEST = 1500
"""Bits of a factor."""
_BASE = {"mol": "mol"}
"""Units that UCUM defines by others but that are a dimension of their own here: a mole is not a mere number."""
_OFFSET = {"Cel": ("K", Fraction(1), Fraction("273.15")), "[degF]": ("K", Fraction(5, 9), Fraction("459.67") * 5 / 9),
           "[degRe]": ("K", Fraction(5, 4), Fraction("273.15"))}  # fmt: skip
"""Temperatures: unit -> (base, factor, what is added after). Other functions (pH, dB) stay units of their own."""

Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Canonical:
    """A unit in terms of base units: value * factor + offset is the value in `unit`."""

    unit: str
    """"g.m-3"; "1" for dimensionless units."""
    factor: Fraction
    offset: Fraction
    scale: Decimal | None
    """The factor, where it is a decimal fraction and there is no offset: most units, and much faster."""

    def convert(self, value: Decimal) -> Decimal:
        """The value in the canonical unit: exact, or to 28 digits where no decimal is exact."""
        if self.scale is not None:
            return _PRECISE.multiply(value, self.scale).normalize(_PRECISE)
        found = Fraction(value) * self.factor + self.offset
        quotient = _PRECISE.divide(Decimal(found.numerator), Decimal(found.denominator))
        return quotient.normalize(_PRECISE)


@dataclass(frozen=True, slots=True)
class _Measure:
    factor: Fraction
    dimensions: Dimensions

    def times(self, other: _Measure, sign: int = 1) -> _Measure:
        powers = dict(self.dimensions)
        for name, power in other.dimensions:
            powers[name] = powers.get(name, 0) + sign * power
        kept = tuple(sorted((name, power) for name, power in powers.items() if power))
        return _Measure(self.factor * other.factor**sign, kept)

    def power(self, exponent: int) -> _Measure:
        # A request may hold any unit: (((10*99)99)99) must not become a computation.
        if max(self.factor.numerator.bit_length(), self.factor.denominator.bit_length()) * abs(exponent) > _LARGEST:
            raise OverflowError("no unit is that large")
        return _Measure(self.factor**exponent, tuple((name, power * exponent) for name, power in self.dimensions))


_ONE = _Measure(Fraction(1), ())


@lru_cache(maxsize=4096)
def canonical(code: str) -> Canonical | None:
    """The canonical form of a UCUM code; None when it is not one."""
    if code in _OFFSET:
        base, factor, offset = _OFFSET[code]
        return Canonical(base, factor, offset, None)
    try:
        measure = _term(_Reader(code))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if not measure.factor:
        return None
    name = ".".join(base if power == 1 else f"{base}{power}" for base, power in measure.dimensions)
    return Canonical(name or "1", measure.factor, Fraction(0), _scale(measure.factor))


def _scale(factor: Fraction) -> Decimal | None:
    try:
        return _EXACT.divide(Decimal(factor.numerator), Decimal(factor.denominator))
    except Inexact:
        return None


class _Reader:
    """Position in the text of a unit."""

    def __init__(self, text: str) -> None:
        if not text or len(text) > 100 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("not a unit")
        self.text, self.position = text, 0

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found.group()


_OPERATOR = re.compile(r"[./]")
_OPEN, _CLOSE = re.compile(r"\("), re.compile(r"\)")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_INTEGER = re.compile(r"[0-9]++(?![*^])")
_EXPONENT = re.compile(r"[+-]?[0-9]{1,2}")
_SYMBOL = re.compile(r"(?:\[[^\]]*\]|10[*^]|[^\[\]{}()./0-9+*^-])+(?:\[[^\]]*\])*|%|10[*^]")


def _term(reader: _Reader, depth: int = 0) -> _Measure:
    """Components joined by "." and "/", which bind from left to right; a leading "/" is allowed."""
    operator = reader.take(_OPERATOR) if reader.text.startswith("/", reader.position) else "."
    found = _ONE
    while operator:
        found = found.times(_component(reader, depth), 1 if operator == "." else -1)
        operator = reader.take(_OPERATOR)
    if depth == 0 and reader.position != len(reader.text):
        raise ValueError("not a unit")
    return found


def _component(reader: _Reader, depth: int) -> _Measure:
    if depth > 10:
        raise ValueError("nested too deep")
    if reader.take(_OPEN):
        found = _term(reader, depth + 1)
        if not reader.take(_CLOSE):
            raise ValueError("missing parenthesis")
        exponent = reader.take(_EXPONENT)
        return found.power(int(exponent)) if exponent else found
    integer = reader.take(_INTEGER)
    if integer:
        reader.take(_ANNOTATION)
        return _Measure(Fraction(int(integer)), ())
    symbol = reader.take(_SYMBOL)
    if not symbol:
        if reader.take(_ANNOTATION):
            return _ONE
        raise ValueError("not a unit")
    exponent = reader.take(_EXPONENT)
    reader.take(_ANNOTATION)
    found = _unit(symbol)
    return found.power(int(exponent)) if exponent else found


@lru_cache(maxsize=4096)
def _unit(symbol: str) -> _Measure:
    """An atom with or without prefix, in base units. Raises ValueError for what UCUM does not know."""
    atoms, prefixes = _essence()
    atom = atoms.get(symbol)
    if atom is not None:
        return _atom(symbol, atom)
    for length in (2, 1):
        prefix = prefixes.get(symbol[:length])
        atom = atoms.get(symbol[length:])
        if prefix is not None and atom is not None and atom.metric:
            found = _atom(symbol[length:], atom)
            return _Measure(prefix * found.factor, found.dimensions)
    raise ValueError("not a unit")


@dataclass(frozen=True, slots=True)
class _Atom:
    metric: bool
    definition: tuple[Fraction, str] | None
    """How many of which unit it is; None: a dimension of its own."""


def _atom(symbol: str, atom: _Atom) -> _Measure:
    if atom.definition is None:
        return _Measure(Fraction(1), ((_BASE.get(symbol, symbol), 1),))
    number, unit = atom.definition
    measure = _term(_Reader(unit))
    return _Measure(number * measure.factor, measure.dimensions)


@cache
def _essence() -> tuple[dict[str, _Atom], dict[str, Fraction]]:
    """Atoms and prefixes by their case-sensitive code."""
    spec = find_spec("ucumvert")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package ucumvert, which carries the table of units, is not installed")
    # Found without importing it: that would import pint, for nothing.
    root = parse(Path(spec.submodule_search_locations[0]) / "vendor" / "ucum-essence.xml").getroot()
    atoms = {unit.attrib["Code"]: _read(unit) for unit in root.iter(_NAMESPACE + "unit")}
    atoms |= {unit.attrib["Code"]: _Atom(True, None) for unit in root.iter(_NAMESPACE + "base-unit")}
    prefixes = {
        prefix.attrib["Code"]: Fraction(_value(prefix).attrib["value"]) for prefix in root.iter(_NAMESPACE + "prefix")
    }
    return atoms, prefixes


def _read(unit: Element) -> _Atom:
    metric = unit.attrib.get("isMetric") == "yes"
    # Arbitrary units ([iU]) and functions (pH) convert to nothing else; [IU], another name of [iU], is defined by it.
    alone = unit.attrib["Code"] in _BASE or unit.attrib.get("isSpecial") == "yes"
    value = _value(unit)
    arbitrary = unit.attrib.get("isArbitrary") == "yes" and value.attrib["Unit"] == "1"
    if alone or arbitrary:
        return _Atom(metric, None)
    # Written as a power: 10*23, or pi, which is no fraction.
    number = _PI if unit.attrib["Code"] == "[pi]" else Fraction(value.attrib["value"])
    return _Atom(metric, (number, value.attrib["Unit"]))


def _value(element: Element) -> Element:
    found = element.find(_NAMESPACE + "value")
    if found is None:
        raise RuntimeError("the table of units lacks a value")
    return found
