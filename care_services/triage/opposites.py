"""What a body does, and does not do, as replies tell it: to "o bebê não quer mamar?" "mama bem" is a no and "não mama"
a yes, whichever word the reply begins with. Which findings have which opposite is data: `rules/opposites.toml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Said(Enum):
    """What a reply tells of that which was asked for."""

    NOTHING = "nothing"
    WELL = "well"
    ILL = "ill"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Opposite:
    """What is done, in words that deny it (`lacks`), say so (`well`), or tell of its lack otherwise (`ill`)."""

    lacks: re.Pattern[str] | None
    well: re.Pattern[str]
    ill: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Opposites:
    """The opposite of each finding that has one, and what denies, lessens or turns round what a clause says of it."""

    of: Mapping[str, Opposite]
    denied: re.Pattern[str]
    not_denied: re.Pattern[str]
    either_way: re.Pattern[str]
    takes_back: re.Pattern[str]
    but: re.Pattern[str]

    def says(self, code: str, clauses: Sequence[str]) -> Said:
        """What the clauses of a reply tell of the finding."""
        found = self.of.get(code)
        if found is None:
            return Said.NOTHING
        parts = [part.strip() for clause in clauses for part in self.but.split(clause)]
        lacking = [part for part in parts if found.lacks and found.lacks.search(part)]
        ill = any(not self.not_denied.search(part) and not self.either_way.search(part) for part in lacking)
        ill = ill or any(self._ill(found, part) for part in parts)
        named = [at for at, part in enumerate(parts) if found.well.search(part) and part not in lacking]
        well = [at for at in named if not self.takes_back.search(found.well.sub(" ", parts[at]))]
        if ill:
            return Said.UNCLEAR if well else Said.ILL
        if any(self.either_way.search(part) and not self.not_denied.search(part) for part in lacking):
            return Said.UNCLEAR
        if len(well) < len(named):
            return Said.UNCLEAR
        before_but = well and well[-1] < len(parts) - 1 and any(self.but.search(clause) for clause in clauses)
        return Said.UNCLEAR if before_but else Said.WELL if well else Said.NOTHING

    def same(self, code: str) -> Iterator[str]:
        """The findings that have the same opposite."""
        return (other for other, opposite in self.of.items() if opposite is self.of.get(code))

    def _ill(self, found: Opposite, part: str) -> bool:
        match = found.ill.search(part) if found.ill else None
        return match is not None and not self.denied.search(part[: match.start()]) and not part.endswith(" nao")


def read_opposites(written: Mapping[str, Any], codes: Collection[str], faults: list[str]) -> Opposites | None:
    """What `opposites.toml` says; None, and faults, where that cannot be."""
    before, made, named = len(faults), {}, {}
    patterned: dict[str, dict[str, re.Pattern[str]]] = {}
    for name, body in written.items():
        if not isinstance(body, Mapping):
            made[name] = _pattern(name, rf"\b(?:{_line(body)})\b", faults)
            continue
        faults += [f"opposites.toml {name}: {member} is missing" for member in sorted({"of", "well"} - body.keys())]
        patterns = {
            member: _pattern(f"{name}.{member}", rf"\b(?:{_line(body[member])})\b", faults)
            for member in ("well", "ill")
            if member in body
        }
        if "does" in body:
            denied, does = _line(written.get("denied", "nao")), _line(body["does"])
            lacks = rf"\b(?:{denied})(?: \w+){{0,2}}? (?:{does})\b|\b(?:{does})(?: \w+)? (?:nao|nada)$"
            patterns["lacks"] = _pattern(f"{name}.does", lacks, faults)
        for code in str(body.get("of", "")).split():
            if code not in codes:
                faults.append(f"opposites.toml {name}: no finding {code!r}")
            elif code in named:
                faults.append(f"opposites.toml {name}: {code!r} has an opposite already")
            named[code] = name
        patterned[name] = patterns
    missing = sorted({"denied", "not_denied", "either_way", "takes_back", "but"} - made.keys())
    faults += [f"opposites.toml: {name} is missing" for name in missing]
    if len(faults) > before:
        return None
    opposites = {name: Opposite(one.get("lacks"), one["well"], one.get("ill")) for name, one in patterned.items()}
    of = {code: opposites[name] for code, name in named.items()}
    return Opposites(of, **made)


def _line(written: str) -> str:
    return "".join(written.splitlines())


def _pattern(name: str, written: str, faults: list[str]) -> re.Pattern[str]:
    try:
        return re.compile(written)
    except re.error as error:
        faults.append(f"opposites.toml: {name} is no regular expression: {error}")
        return re.compile("")
