"""Doorway to FHIR R4 JSON: bytes in and out with exact decimals. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import orjson

Json = Any
"""A parsed JSON value; numbers with a fraction or exponent are `Decimal`, so 1.10 stays 1.10."""


class MalformedJson(ValueError):
    """The bytes are not one JSON value that FHIR allows; `line` and `column` count from 1 (0: unknown)."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        where = f" (line {line}, column {column})" if line else ""
        super().__init__(reason + where)
        self.reason, self.line, self.column = reason, line, column


class _DuplicateKey(ValueError):
    pass


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[{}]')


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKey
    return members


def _duplicate(text: str) -> MalformedJson:
    """Where the first repeated key stands. Only for text that is known to have one, up to there well-formed."""
    objects: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            objects.append(set())
        elif token[0] == "}":
            objects.pop()
        elif token[1]:
            key = json.loads(token[0][: -len(token[1])])
            if key in objects[-1]:
                start = token.start()
                return MalformedJson(
                    "duplicate key", text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
                )
            objects[-1].add(key)
    return MalformedJson("duplicate key")


# An escape is taken whole, so that the backslash of \\ud800 begins no surrogate; a proper pair is one escape.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def _lone_surrogate(text: str) -> MalformedJson | None:
    """Half of a pair of \\u escapes stands for no character and has no UTF-8 form."""
    for escape in _ESCAPE.finditer(text):
        if escape[1]:
            start = escape.start()
            return MalformedJson("a lone surrogate", text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
    return None


def _integer(digits: str) -> int | Decimal:
    # FHIR integers fit 32 bits; a longer run of digits, or -0, can only be a decimal and keeps its digits.
    return int(digits) if len(digits) < 16 and digits != "-0" else Decimal(digits)


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not a JSON number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_int=_integer, parse_constant=_constant
)


def parse(raw: bytes) -> Json:
    """One JSON value from UTF-8 bytes.

    Raises MalformedJson with line and column: bad syntax, bad UTF-8, duplicate keys, a lone surrogate, nesting beyond
    what the parser can hold.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise MalformedJson("not valid UTF-8", line, column) from None
    if ("\\ud" in text or "\\uD" in text) and (lone := _lone_surrogate(text)):
        raise lone
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, error.lineno, error.colno) from None
    except _DuplicateKey:
        raise _duplicate(text) from None
    except RecursionError:
        raise MalformedJson("nested too deep") from None


def _number(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no JSON form")
    text = str(value)
    if "E" in text:
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -30 < exponent <= 0:
            text = format(value, "f")
    return orjson.Fragment(text.encode())


def serialize(value: Json, *, pretty: bool = False) -> bytes:
    """UTF-8 JSON of a parsed value, key order kept, decimals with the digits they came with.

    Raises MalformedJson for text that has no UTF-8 form (a lone surrogate).
    """
    try:
        return orjson.dumps(value, default=_number, option=orjson.OPT_INDENT_2 if pretty else None)
    except TypeError as error:
        raise MalformedJson(f"cannot be written as JSON: {error}") from None
