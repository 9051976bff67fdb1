"""Browsers in which the person is told of notices: those that are on, and what one is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.privacy.words import day

Json = dict[str, Any]

SYSTEM = "urn:fhir-hub:CodeSystem:browser"
FOUND_BY = f"Basic?patient={{id}}&code={SYSTEM}|on&_sort=-_lastUpdated&_count=50"
_KNOWN = "urn:fhir-hub:StructureDefinition:browser"
_PROGRAMS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
"""What a User-Agent has in it -> program; the first that is found."""
_DEVICES = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip
UNNAMED = "Navegador"


@dataclass(frozen=True, slots=True)
class Row:
    """A browser that is on."""

    id: str
    name: str
    since: str
    hash: str
    """Of its endpoint: by it a browser knows itself, without the page having what it is told by."""


def rows(resources: Iterable[Json]) -> tuple[Row, ...]:
    """Of those that were found."""
    return tuple(
        Row(one["id"], _name(one), day(one["created"]), next((each["value"] for each in one["identifier"]), ""))
        for one in resources
    )


def called(agent: str) -> str:
    """What a browser is called, by its User-Agent. https://www.rfc-editor.org/rfc/rfc9110#section-10.1.5"""
    program = next((name for part, name in _PROGRAMS if part in agent), UNNAMED)
    device = next((name for part, name in _DEVICES if part in agent), "")
    return f"{program} ({device})" if device else program


def _name(browser: Json) -> str:
    said = (each for one in browser.get("extension", ()) if one["url"] == _KNOWN for each in one["extension"])
    return next((str(one["valueString"]) for one in said if one["url"] == "name"), UNNAMED)
