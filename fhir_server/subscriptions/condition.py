"""Probe conditions in memory, on the index rows of one version: the SQL of `search/by_<type>.py` as closures.

The little language they are written in: and, or, not, comparisons, + and -, in (numbers), is [not] null, position().
What goes beyond (`NotSimple`) is asked of PostgreSQL instead. docs/decisions/subscription-matching.md
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
Value = Callable[[Row], Any]

_TOKEN = re.compile(r"\s*(?:\{t\}\.(?P<column>\w+)|\$(?P<parameter>\d+)::(?P<type>\w+)(?!\[)|(?P<integer>\d+)"
                    r"|(?P<word>[a-z]+)|(?P<sign><>|<=|>=|[-+<>=(),]))")  # fmt: skip

# Rows of references carry the target's name: its rid is not known before it is looked up.
_TARGET = re.compile(
    r"\{t\}\.target_rid = (?:any\(array)?\(select (\w+)\.rid from resource \1 where \1\.type_id (=|in) ([\d(), ]+?)"
    r" and \1\.fhir_id = (\$\d+::text)\){1,2}"
)

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_READ: dict[str, Callable[[bytes], Any]] = {
    "bigint": int, "integer": int, "smallint": int, "text": bytes.decode, "numeric": lambda raw: Decimal(raw.decode()),
}  # fmt: skip


class NotSimple(Exception):
    """The condition is beyond the little language."""


def compiled(where: str, parameters: Sequence[bytes | None]) -> Callable[[Row], bool]:
    """The condition as a test of one row. Raises NotSimple."""
    text = _TARGET.sub(r"({t}.target_type_id \2 \3 and {t}.target_id = \4)", where)
    reader = _Reader(list(_tokens(text)), parameters)
    test = reader.either()
    if reader.next is not None:
        raise NotSimple
    return lambda row: bool(test(row))


def _tokens(text: str) -> Iterator[tuple[str, str, str]]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotSimple
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "type":
            yield ("parameter", match["parameter"], match["type"])
        else:
            yield (kind, match[kind], "")


class _Reader:
    """Recursive descent: or, and, not, comparison, sum, atom."""

    def __init__(self, tokens: list[tuple[str, str, str]], parameters: Sequence[bytes | None]) -> None:
        self._tokens, self._parameters, self._at = tokens, parameters, 0

    @property
    def next(self) -> str | None:
        """Text of the next token."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _take(self, *texts: str) -> bool:
        if self.next in texts and self._tokens[self._at][0] in ("word", "sign"):
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise NotSimple

    def either(self) -> Value:
        """Tests joined by or."""
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Value:
        tests = [self._negation()]
        while self._take("and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _negation(self) -> Value:
        if self._take("not"):
            test = self._negation()
            return lambda row: not test(row)
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._sum()
        sign = self.next or ""
        if sign in _COMPARED:
            self._at += 1
            compare, right = _COMPARED[sign], self._sum()

            def test(row: Row) -> bool:
                one, other = left(row), right(row)
                return one is not None and other is not None and compare(one, other)

            return test
        if self._take("is"):
            negated = self._take("not")
            self._need("null")
            return lambda row: (left(row) is None) is not negated
        if self._take("in"):
            return self._in(left)
        return left

    def _in(self, left: Value) -> Value:
        self._need("(")
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        self._need(")")
        numbers = {value({}) for value in values}  # numbers and parameters, never columns
        return lambda row: left(row) in numbers

    def _integer(self) -> int:
        negative = self._take("-")
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "integer":
            raise NotSimple
        self._at += 1
        number = int(self._tokens[self._at - 1][1])
        return -number if negative else number

    def _sum(self) -> Value:
        total = self._atom()
        while self.next in ("+", "-"):
            add = operator.add if self._take("+") else operator.sub
            if add is operator.sub:
                self._need("-")
            total = _sum(add, total, self._atom())
        return total

    def _atom(self) -> Value:
        if self._take("("):
            inner = self.either()
            self._need(")")
            return inner
        if self._take("true"):
            return lambda row: True
        if self._take("false"):
            return lambda row: False
        if self._take("position"):
            return self._position()
        if self._at >= len(self._tokens):
            raise NotSimple
        kind, text, sql_type = self._tokens[self._at]
        if kind == "column":
            self._at += 1
            return lambda row: row[text]
        if kind == "parameter":
            self._at += 1
            raw = self._parameters[int(text) - 1]
            if raw is None or sql_type not in _READ:
                raise NotSimple
            value = _READ[sql_type](raw)
            return lambda row: value
        number = self._integer()
        return lambda row: number

    def _position(self) -> Value:
        """position(part in whole): as PostgreSQL counts, 0 if it is not there."""
        self._need("(")
        part = self._atom()
        self._need("in")
        whole = self._atom()
        self._need(")")
        return lambda row: whole(row).find(part(row)) + 1


def _sum(add: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    return lambda row: add(left(row), right(row))
