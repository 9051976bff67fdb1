"""The texts of a resource: its narrative, and all that stands in it. https://hl7.org/fhir/R4/narrative.html"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

Json = Any

_SILENT = frozenset(
    ("resourceType", "id", "system", "url", "reference", "div", "data", "contentType", "profile", "versionId",
     "fullUrl", "hash", "source")
)  # fmt: skip
"""Members that say nothing a reader would look for: names of systems, links, bytes."""
_TIME = re.compile(r"\d{4}-\d\d(?:-\d\d(?:T\S+)?)?|\d\d:\d\d:\d\d\S*", re.ASCII)
_MARKUP = re.compile(r"<!--.*?-->|<\s*/?\s*(?P<name>[a-zA-Z0-9]*)[^>]*>", re.DOTALL)
_WITHIN_WORDS = frozenset(("a", "abbr", "b", "big", "em", "i", "small", "span", "strong", "sub", "sup", "tt", "u"))


def narrative(resource: dict[str, Json]) -> str:
    """The words a reader sees of Resource.text; "" without one."""
    div = resource.get("text", {}).get("div", "")

    def gap(found: re.Match[str]) -> str:
        return "" if (found["name"] or "").lower() in _WITHIN_WORDS else " "

    return unescape(_MARKUP.sub(gap, div))


def content(resource: dict[str, Json]) -> Iterator[str]:
    """The texts of all elements, contained resources included, then the narrative."""
    yield from _strings(resource)
    shown = narrative(resource)
    if shown:
        yield shown


def _strings(value: dict[str, Json]) -> Iterator[str]:
    for name, member in value.items():
        if name in _SILENT:
            continue
        for item in member if isinstance(member, list) else (member,):
            if isinstance(item, dict):
                yield from _strings(item)
            elif isinstance(item, str) and not _TIME.fullmatch(item):
                yield item
