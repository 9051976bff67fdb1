"""Tokens to syntax tree, by precedence climbing. https://hl7.org/fhirpath/N1/#operator-precedence"""

from __future__ import annotations

from decimal import Decimal

from fhir_server.fhirpath import syntax
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.lexer import Token, tokens

_PRECEDENCE: dict[str, int] = {
    operator: level
    for level, operators in enumerate(
        (
            ("implies",),
            ("or", "xor"),
            ("and",),
            ("in", "contains"),
            ("=", "~", "!=", "!~"),
            ("<=", "<", ">", ">="),
            ("|",),
            ("is", "as"),
            ("+", "-", "&"),
            ("*", "/", "div", "mod"),
        ),
        1,
    )
    for operator in operators
}
_BOOLEANS = {"true": True, "false": False}

CALENDAR_UNITS: dict[str, str] = {
    word: unit
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for word in (unit, unit + "s")
}
"""Keyword after a number -> unit in the singular."""

MAX_DEPTH = 60
"""Nested parentheses, arguments and operators; keeps the recursion of parser and compiler far from Python's limit."""

MAX_CHAIN = 200
"""Steps of one path or operands of one chain of operators; the tree is as deep."""


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, reason: str) -> FhirPathError:
        return FhirPathError(reason, self.token.position, kind="syntax")

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def takes(self, sign: str) -> bool:
        if self.token.kind == "sign" and self.token.text == sign:
            self.at += 1
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.takes(sign):
            raise self.fail(f"expected '{sign}'")

    def operator(self) -> str:
        token = self.token
        return token.text if token.kind in ("sign", "word") and token.text in _PRECEDENCE else ""

    def expression(self, least: int = 1) -> syntax.Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail("expression nested too deep")
        left = self.signed()
        length = 0
        while (operator := self.operator()) and (level := _PRECEDENCE[operator]) >= least:
            length += 1
            if length > MAX_CHAIN:
                raise self.fail("too many operators in a row")
            position = self.take().position
            if operator in ("is", "as"):
                left = syntax.TypeTest(position, operator, left, self.type_name())
            else:
                left = syntax.Binary(position, operator, left, self.expression(level + 1))
        self.depth -= 1
        return left

    def signed(self) -> syntax.Tree:
        signs: list[Token] = []
        while self.token.kind == "sign" and self.token.text in "+-":
            signs.append(self.take())
            if len(signs) > 20:
                raise self.fail("too many signs in a row")
        tree = self.path()
        for token in reversed(signs):
            tree = syntax.Sign(token.position, token.text, tree)
        return tree

    def path(self) -> syntax.Tree:
        tree = self.term()
        length = 0
        while self.token.kind == "sign" and self.token.text in ".[":
            length += 1
            if length > MAX_CHAIN:
                raise self.fail("path too long")
            position = self.token.position
            if self.take().text == ".":
                tree = self.invocation(tree)
            else:
                tree = syntax.Index(position, tree, self.expression())
                self.expect("]")
        return tree

    def term(self) -> syntax.Tree:
        token = self.token
        if token.kind in ("word", "delimited"):
            if token.kind == "word" and token.text in _BOOLEANS:
                return syntax.Literal(self.take().position, _BOOLEANS[token.text])
            return self.invocation(None)
        if token.kind == "special":
            return syntax.Special(self.take().position, token.text)
        if token.kind == "external":
            return syntax.External(self.take().position, token.text)
        if token.kind == "string":
            return syntax.Literal(self.take().position, token.text)
        if token.kind in ("date", "time", "datetime"):
            kind = "dateTime" if token.kind == "datetime" else token.kind
            return syntax.TemporalLiteral(self.take().position, kind, token.text.removeprefix("T"))
        if token.kind == "number":
            return self.number()
        if self.takes("("):
            tree = self.expression()
            self.expect(")")
            return tree
        if self.takes("{"):
            self.expect("}")
            return syntax.Empty(token.position)
        raise self.fail("the expression ends here" if token.kind == "end" else "unexpected token")

    def number(self) -> syntax.Tree:
        token = self.take()
        value = int(token.text) if token.text.isdigit() and len(token.text) < 16 else Decimal(token.text)
        unit = self.token
        if unit.kind == "string":
            self.take()
            return syntax.QuantityLiteral(token.position, value, unit.text, False)
        if unit.kind == "word" and unit.text in CALENDAR_UNITS:
            self.take()
            return syntax.QuantityLiteral(token.position, value, CALENDAR_UNITS[unit.text], True)
        return syntax.Literal(token.position, value)

    def invocation(self, source: syntax.Tree | None) -> syntax.Tree:
        token = self.token
        if source is not None and token.kind == "special":
            # The grammar has `a.$this`; it means `$this` once for each item of a, which nothing can need.
            raise self.fail(f"'${token.text}' cannot follow a dot")
        if token.kind not in ("word", "delimited"):
            raise self.fail("expected a name")
        self.take()
        if not self.takes("("):
            return syntax.Member(token.position, source, token.text)
        arguments: list[syntax.Tree] = []
        if not self.takes(")"):
            arguments.append(self.expression())
            while self.takes(","):
                arguments.append(self.expression())
            self.expect(")")
        return syntax.Call(token.position, source, token.text, tuple(arguments))

    def type_name(self) -> str:
        names = [self.name()]
        if self.takes("."):
            names.append(self.name())
        return ".".join(names)

    def name(self) -> str:
        if self.token.kind not in ("word", "delimited"):
            raise self.fail("expected the name of a type")
        return self.take().text


def parse(text: str) -> syntax.Tree:
    """Syntax tree of the whole text. Raises FhirPathError with the position of what does not fit."""
    parser = _Parser(text)
    tree = parser.expression()
    if parser.token.kind != "end":
        raise parser.fail("unexpected token after the end of the expression")
    return tree
