"""Code tables between other systems and FHIR, versioned data in `tables/`: a code in no row is a fault, not a guess."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mappings.errors import MappingError

_VERSION = "# version "


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One table: what each code becomes, and back."""

    name: str
    version: str
    forward: Mapping[str, str]
    backward: Mapping[str, str]
    displays: Mapping[str, str]

    def to(self, code: str, element: str) -> str:
        """What a code of the source becomes. Raises MappingError, naming the element it stands in."""
        found = self.forward.get(code)
        if found is None:
            raise MappingError(element, self._unknown())
        return found

    def back(self, code: str, element: str) -> str:
        """The source's code of what it became; the first row's, where several became the same. Raises MappingError."""
        found = self.backward.get(code)
        if found is None:
            raise MappingError(element, self._unknown())
        return found

    def _unknown(self) -> str:
        return f"code in no row of the table {self.name} {self.version}"


@cache
def table(name: str) -> CodeTable:
    """A table by the name of its file. Raises FileNotFoundError, and ValueError for a file that is none."""
    text = resources.files("mappings").joinpath("tables", f"{name}.csv").read_text("utf-8")
    head, _, body = text.partition("\n")
    if not head.startswith(_VERSION):
        raise ValueError(f"table {name}: the first line must say its version")
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    displays: dict[str, str] = {}
    for number, row in enumerate(csv.DictReader(body.splitlines()), 3):
        code, to = row["code"], row["to"]
        if not code or not to or code in forward:
            raise ValueError(f"table {name}, line {number}: a code and what it becomes, each code once")
        forward[code], displays[code] = to, row["display"]
        backward.setdefault(to, code)
    return CodeTable(name, head.removeprefix(_VERSION).partition(";")[0], forward, backward, displays)
