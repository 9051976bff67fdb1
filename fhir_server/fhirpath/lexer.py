"""Text of an expression to tokens. https://hl7.org/fhirpath/N1/#lexical-elements"""

from __future__ import annotations

import re
from typing import NamedTuple

from fhir_server.fhirpath.errors import FhirPathError

_TOKENS = re.compile(
    r"""
    (?P<space>(?:\s+|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)+)
  | (?P<datetime>@\d{4}(?:-\d\d(?:-\d\d)?)?T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)
  | (?P<date>@\d{4}(?:-\d\d(?:-\d\d)?)?)
  | (?P<time>@T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<delimited>`(?:[^`\\]|\\.)*`)
  | (?P<external>%(?:[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
  | (?P<special>\$(?:this|index|total)\b)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>!=|!~|<=|>=|[-+*/&|=~<>.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}

MAX_LENGTH = 20_000
"""Characters; the longest expression of R4 has 4,000."""


class Token(NamedTuple):
    """`kind` is a group of the pattern above, or "end"; `text` has quotes removed and escapes replaced."""

    kind: str
    text: str
    position: int


def _unescape(quoted: str, position: int) -> str:
    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        if code == "u":
            raise FhirPathError("incomplete unicode escape", position, kind="syntax")
        return _ESCAPED.get(code, code)

    text = quoted[1:-1]
    if "\\" not in text:
        return text
    try:
        # Two escapes may make one character beyond the first plane; half of such a pair is no text.
        return _ESCAPE.sub(replace, text).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise FhirPathError("incomplete unicode escape", position, kind="syntax") from None


def _content(kind: str, raw: str, position: int) -> str:
    if kind in ("string", "delimited"):
        return _unescape(raw, position)
    if kind == "external":
        return _unescape(raw[1:], position) if raw[1] in "`'\"" else raw[1:]
    return raw[1:] if kind in ("datetime", "date", "time", "special") else raw


def tokens(text: str) -> list[Token]:
    """All tokens, closed by one of kind "end". Raises FhirPathError at the first character that starts none."""
    if len(text) > MAX_LENGTH:
        raise FhirPathError(f"expression longer than {MAX_LENGTH} characters", kind="syntax")
    if not text.isascii() and _SURROGATE.search(text):
        raise FhirPathError("expression with half a character", kind="syntax")
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise FhirPathError("unexpected character", position, kind="syntax")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, _content(kind, match[0], position), position))
        position = match.end()
    found.append(Token("end", "", position))
    return found
