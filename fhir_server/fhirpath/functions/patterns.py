"""Regular expressions in time linear in the text. https://hl7.org/fhirpath/N1/#matchesregex-string-boolean"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from fhir_server.fhirpath.code import Items, bounded
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Function, check_of_items, on_text, text_of

_GROUP = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}", re.DOTALL)


@lru_cache(256)
def compiled(pattern: str) -> Any:
    """RE2 program; the dot matches line ends too. Raises FhirPathError for a pattern RE2 has no linear form of."""
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise FhirPathError("regular expression not understood") from None


def _matches(items: Items, pattern: Items) -> bool | None:
    text, expression = text_of(items), text_of(pattern)
    return None if text is None or expression is None else compiled(expression).search(text) is not None


def _matches_full(items: Items, pattern: Items) -> bool | None:
    text, expression = text_of(items), text_of(pattern)
    return None if text is None or expression is None else compiled(expression).fullmatch(text) is not None


def _replace_matches(text: str, pattern: str, substitution: str) -> str:
    if not pattern:
        return text
    room = 1_000_000

    def expand(match: Any) -> str:
        nonlocal room

        def group(reference: re.Match[str]) -> str:
            if reference[1] is not None:
                return str(reference[1])
            try:
                return match.group(int(reference[2]) if reference[2] else reference[3]) or ""
            except (IndexError, re2.error):
                raise FhirPathError("the substitution names a group that the pattern does not have") from None

        replacement = _GROUP.sub(group, substitution)
        room -= len(replacement)
        if room < 0:
            raise FhirPathError("text has become too long")
        return replacement

    return bounded(compiled(pattern).sub(expand, text))


PATTERNS: dict[str, Function] = {
    "matches": check_of_items(_matches, 1),
    "matchesFull": check_of_items(_matches_full, 1),
    "replaceMatches": on_text(_replace_matches, text_of, text_of),
}
