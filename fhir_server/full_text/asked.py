"""What `_text` and `_content` ask, as PostgreSQL's tsquery. https://hl7.org/fhir/R4/search.html#content

Words, "phrases", AND, OR, NOT, - before what must not be there, parentheses, and * after the beginning of a word. What
stands side by side must all be there; NOT binds before AND, AND before OR.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_server.full_text.words import mark, quoted, words
from fhir_server.outcome import Invalid

MAX_WORDS = 100
MAX_DEPTH = 20

_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|(?P<minus>-(?=[^\s()]))|"(?P<phrase>[^"]*)"?|(?P<bare>[^\s()"]+))')
_OPERATORS = frozenset(("and", "or", "not"))


def asked(text: str, type_ids: Sequence[int], code: str) -> str:
    """The tsquery literal for resources of some types (none: of all). Raises Invalid, naming the parameter `code`."""
    tokens = [
        (found.lastgroup or "", found[found.lastgroup or 0]) for found in _TOKEN.finditer(text) if found[0].strip()
    ]
    reader = _Reader(tokens, code)
    query = reader.either(0)
    if reader.next is not None:
        raise reader.wrong("a parenthesis closes that was not opened")
    marks = " | ".join(quoted(map(mark, type_ids)))
    return f"({marks}) & ({query})" if marks else query


class _Reader:
    """Recursive descent: or, and, not, then a word, phrase or parenthesis."""

    def __init__(self, tokens: list[tuple[str, str]], code: str) -> None:
        self._tokens, self._at, self._words, self._code = tokens, 0, 0, code

    @property
    def next(self) -> str | None:
        """What the next token is: an operator, a parenthesis, "-", or "" for words."""
        if self._at >= len(self._tokens):
            return None
        kind, text = self._tokens[self._at]
        if kind == "bare":
            return text.lower() if text.lower() in _OPERATORS else ""
        return "" if kind == "phrase" else "-" if kind == "minus" else text

    def wrong(self, reason: str) -> Invalid:
        """The refusal of the value."""
        return Invalid(f"search parameter '{self._code}': {reason}", code="value")

    def _take(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def either(self, depth: int) -> str:
        """Alternatives."""
        parts = [self._all(depth)]
        while self.next == "or":
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"

    def _all(self, depth: int) -> str:
        parts = [self._one(depth)]
        while self.next not in (None, "or", ")"):
            if self.next == "and":
                self._take()
            parts.append(self._one(depth))
        return " & ".join(parts)

    def _one(self, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise Invalid(f"search parameter '{self._code}': nested too deep", code="too-costly")
        following = self.next
        if following in ("not", "-"):
            self._take()
            return f"!{self._one(depth + 1)}"
        if following == "(":
            self._take()
            inner = self.either(depth + 1)
            if self.next != ")":
                raise self.wrong("a parenthesis is not closed")
            self._take()
            return f"({inner})"
        if following != "":
            raise self.wrong(
                "a word is missing" if following is None else f"a word is missing before {following.upper()}"
            )
        return self._words_of(*self._take())

    def _words_of(self, kind: str, text: str) -> str:
        found = words(text)
        self._words += len(found)
        if self._words > MAX_WORDS:
            raise Invalid(f"search parameter '{self._code}': at most {MAX_WORDS} words", code="too-costly")
        if not found:
            raise self.wrong("there is no letter or digit to search for")
        begins = ":*" if kind == "bare" and text.endswith("*") else ""
        return f"({' <-> '.join(quoted(found))}{begins})" if len(found) > 1 else f"'{found[0]}'{begins}"
