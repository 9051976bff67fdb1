"""The syntax of `_filter`: text -> tree. https://hl7.org/fhir/R4/search_filter.html

"and" and "or" bind alike and from the left, as R4 has it: `a or b and c` is `(a or b) and c`. `not` takes the test or
the parenthesis behind it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from fhir_server.outcome import Invalid

OPERATORS = frozenset(
    ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re")
)
MAX_NESTING = 20
MAX_TESTS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path, with the type of what it refers to and the filter on that, where given."""

    name: str
    type: str | None
    within: Filter | None
    position: int
    """Of its first character in the text, from 1; so everywhere here."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`."""

    path: tuple[Step, ...]
    operator: str
    value: str
    position: int
    """Of the operator."""
    at: int
    """Of the value."""


@dataclass(frozen=True, slots=True)
class Logical:
    """All parts hold (and), or any of them (or)."""

    operator: Literal["and", "or"]
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The filter does not hold."""

    filter: Filter


Filter = Comparison | Logical | Not

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORD = re.compile(r"[a-z]+(?![A-Za-z0-9_.:\[-])")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_TOKEN = re.compile(r"[^\s)\]]+")


def refuse(position: int, reason: str, code: str = "invalid") -> NoReturn:
    """Raises Invalid that says where in the filter the fault is."""
    raise Invalid(f"_filter, character {position}: {reason}", code=code)


def parsed(text: str) -> Filter:
    """The tree of a filter. Raises Invalid naming the character at which it is wrong."""
    reader = _Reader(text)
    found = reader.filter(0)
    if reader.at < len(text):
        refuse(reader.at + 1, "'and', 'or' or the end is expected")
    return found


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    tests: int = 0

    def filter(self, nesting: int) -> Filter:
        """A filter, up to the end, a ")" or a "]"."""
        found = self.one(nesting)
        while (word := self.word()) in ("and", "or"):
            self.at += len(word)
            other = self.one(nesting)
            operator: Literal["and", "or"] = "and" if word == "and" else "or"
            if isinstance(found, Logical) and found.operator == operator:
                found = Logical(operator, (*found.parts, other))
            else:
                found = Logical(operator, (found, other))
        return found

    def one(self, nesting: int) -> Filter:
        """A test, a filter in parentheses, or either behind `not`."""
        if nesting > MAX_NESTING:
            refuse(self.at + 1, f"filters are nested at most {MAX_NESTING} deep", "too-costly")
        if self.word() == "not":
            self.at += 3
            return Not(self.one(nesting + 1))
        if self.text[self.at : self.at + 1] != "(":
            return self.test(nesting)
        self.at += 1
        found = self.filter(nesting + 1)
        self.expect(")")
        return found

    def test(self, nesting: int) -> Comparison:
        """`path operator value`."""
        path = [self.step(nesting)]
        while self.text[self.at : self.at + 1] == ".":
            self.at += 1
            path.append(self.step(nesting))
        self.skip()
        position = self.at + 1
        operator = self.word()
        if operator not in OPERATORS:
            refuse(position, f"an operator is expected, one of {' '.join(sorted(OPERATORS))}")
        self.at += len(operator)
        self.skip()
        at = self.at + 1
        self.tests += 1
        if self.tests > MAX_TESTS:
            refuse(position, f"a filter has at most {MAX_TESTS} tests", "too-costly")
        return Comparison(tuple(path), operator, self.value(), position, at)

    def step(self, nesting: int) -> Step:
        """`name`, `name:Type`, `name[filter]`."""
        position = self.at + 1
        name = self.name("the name of a search parameter")
        kind = None
        if self.text[self.at : self.at + 1] == ":":
            self.at += 1
            kind = self.name("a resource type")
        within = None
        if self.text[self.at : self.at + 1] == "[":
            self.at += 1
            within = self.filter(nesting + 1)
            self.expect("]")
            if self.text[self.at : self.at + 1] != ".":
                refuse(self.at + 1, "'.' and what is tested is expected behind ']'")
        return Step(name, kind, within, position)

    def name(self, what: str) -> str:
        found = _NAME.match(self.text, self.at)
        if found is None:
            refuse(self.at + 1, f"{what} is expected")
        self.at = found.end()
        return found[0]

    def value(self) -> str:
        """A JSON string, or anything up to white space, ")" or "]"."""
        at = self.at
        if self.text[at : at + 1] == '"':
            try:
                value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
            except ValueError:
                refuse(self.at + 1, "a string is not closed, or has an escape that JSON does not know")
            if _UNSTORABLE.search(value):
                refuse(at + 1, "a string has a character that no text has")
            return str(value)
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            refuse(self.at + 1, "a value is expected")
        self.at = found.end()
        return found[0]

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def word(self) -> str:
        """The word in front, white space skipped; "" if there is none."""
        self.skip()
        found = _WORD.match(self.text, self.at)
        return found[0] if found else ""

    def expect(self, character: str) -> None:
        self.skip()
        if self.text[self.at : self.at + 1] != character:
            refuse(self.at + 1, f"'{character}', 'and' or 'or' is expected")
        self.at += 1
