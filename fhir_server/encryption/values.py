"""Where a body says identifiers of the systems that are encrypted: which values, and every place they stand in.

A value is cut out wherever its bytes stand, in narratives and texts too, not in the element alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote, unquote

import orjson

SHORT = 6
"""Values of fewer characters are cut out only where they are a text of their own: they would be found everywhere."""
_DIGITS = re.compile(r"[\d.\-/ ]+", re.ASCII)
_RUN = re.compile(rb"\d(?:[.\-/ ]?\d){7,}")
"""A number as people write it: 529.982.247-25."""
_SIGNS = b".-/ "

Span = tuple[int, int]


class Patterns:
    """How values of some systems are found."""

    def __init__(self, systems: frozenset[str]) -> None:
        self.systems = systems
        names = sorted({form for one in systems for form in (one, quote(one, safe=""))})
        self._needles = [orjson.dumps(one)[1:-1] for one in names]
        either = "|".join(map(re.escape, names)) or "(?!)"
        self._asked = re.compile(rf"(?:{either})(?:\\?\||%7[Cc])([^\s&\",|<>\\]+)")

    def concern(self, body: bytes) -> bool:
        """Whether a system is named in it at all: all that is asked of most bodies."""
        return any(name in body for name in self._needles)

    def values(self, resource: Any) -> set[str]:
        """The values of identifiers of the systems in parsed JSON: elements, and criteria such as `system|value`."""
        return set(self._values(resource))

    def _values(self, node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            system, value = node.get("system"), node.get("value")
            if isinstance(system, str) and system in self.systems and isinstance(value, str) and value:
                yield value
            for below in node.values():
                yield from self._values(below)
        elif isinstance(node, list):
            for below in node:
                yield from self._values(below)
        elif isinstance(node, str) and ("|" in node or "%7" in node):
            for found in self._asked.findall(node):
                yield found
                yield unquote(found)


def spans(body: bytes, values: set[str]) -> list[Span]:
    """Where the values stand in a body, in order, none within another."""
    found: list[Span] = []
    numbers = set()
    for value in values:
        if len(value) < SHORT:
            text = orjson.dumps(value)
            found += [(start + 1, end - 1) for start, end in _all(body, text)]
            continue
        for form in {value, quote(value, safe=""), escape(value)}:
            found += _all(body, orjson.dumps(form)[1:-1])
        digits = re.sub(r"\D", "", value)
        if len(digits) >= 8 and _DIGITS.fullmatch(value):
            numbers.add(digits.encode())
    if numbers:
        for run in _RUN.finditer(body):
            plain = run[0].translate(None, _SIGNS)
            if any(number in plain for number in numbers):
                found.append(run.span())
    return _merged(found)


def _all(body: bytes, text: bytes) -> Iterator[Span]:
    at = body.find(text)
    while at >= 0:
        yield at, at + len(text)
        at = body.find(text, at + 1)


def _merged(found: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
