"""Search values as written in a URL: lists, parts, escapes, prefixes. https://hl7.org/fhir/R4/search.html#escaping"""

from __future__ import annotations

import re

PREFIXES = frozenset(("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"))
_ESCAPE = re.compile(r"\\([\\,$|])")


def _split(text: str, separator: str) -> list[str]:
    if "\\" not in text:
        return text.split(separator)
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def split_values(text: str) -> list[str]:
    """The alternatives of a value: `a,b\\,c` -> ["a", "b\\,c"].

    Escapes stay, since a part may hold an escaped "|" or "$"; `condition` takes the pieces as they are.
    """
    return _split(text, ",")


def split_components(text: str) -> list[str]:
    """The components of a composite value, escapes kept."""
    return _split(text, "$")


def split_parts(text: str) -> list[str]:
    """The parts of `system|code` or `number|system|code`, unescaped."""
    return [unescape(part) for part in _split(text, "|")]


def unescape(text: str) -> str:
    """`\\,` `\\|` `\\$` and `\\\\` as the character meant; any other backslash stays."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def split_prefix(text: str) -> tuple[str, str]:
    """Prefix and rest: "ge2020" -> ("ge", "2020"); without a prefix "eq"."""
    prefix = text[:2]
    return (prefix, text[2:]) if prefix in PREFIXES else ("eq", text)
