"""A case of a mapping: a source, what it becomes, and how that differs from what was expected.

A case is a file in a folder named by its entity: `provider/clinic.json`, or `.xml`. Beside it stand `clinic.with.json`,
what the mapping needs beside the source (the Claim that is answered, today's date), and `clinic.expected.json`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappings import r4, tasy, tiss
from mappings.errors import MappingError
from mappings.tasy.site import Site

Json = Any

ENTITIES = tasy.ENTITIES | tiss.ENTITIES
SUFFIXES = (".json", ".xml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a source became."""

    result: list[Json]
    faults: list[Json]
    error: Json | None = None
    """Element and reason, if the record cannot be mapped."""

    def document(self) -> Json:
        """As it is kept in the file of what is expected."""
        if self.error:
            return {"error": self.error}
        return {"result": self.result, "faults": self.faults}


def sources(folder: Path) -> list[Path]:
    """The sources of cases in a folder and below."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.name.count(".") == 1)


def beside(path: Path) -> Json:
    """What stands beside the source of a case, {} where nothing does. Raises MalformedJson."""
    file = path.with_suffix(".with.json")
    return r4.parse(file.read_bytes()) if file.exists() else {}


def outcome(entity: str, source: bytes, beside: Json, site: Site) -> Outcome:
    """Maps a source. Raises KeyError, naming it: an entity that is none, or something needed beside the source."""
    try:
        result, faults = ENTITIES[entity](source, beside, site)
    except MappingError as error:
        return Outcome([], [], {"element": error.element, "reason": error.reason})
    # Through JSON and back, as it would be sent: what has no form in it fails here.
    told = [{"element": one.element, "code": one.code, "reason": one.reason} for one in faults]
    return Outcome(r4.parse(r4.serialize(result)), told)


def text(document: Json) -> str:
    """A document as people read it: one member a line, in its order."""
    return r4.serialize(document, pretty=True).decode() + "\n"


def difference(expected: str, found: str) -> list[str]:
    """Lines of a unified diff, empty where nothing differs."""
    return list(difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found", lineterm=""))
