"""Which codes a ValueSet has, from its composition or, where that cannot be worked out here, its stored expansion.

https://hl7.org/fhir/R4/valueset.html#compositions Pure: other definitions are asked of `Known`, which says what is
missing instead of fetching it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from fhir_server.definitions import shipped
from fhir_server.outcome import Invalid
from fhir_server.terminology.codes import EVERY, BySystem, Codes, difference, intersection, size, union
from fhir_server.terminology.concepts import Concepts

Json = dict[str, Any]
Key = tuple[str, str]
"""ValueSet or CodeSystem, and its URL without version; or, with a leading slash to the type, its id."""

MAX_CODES = 500_000
"""Codes a value set may list."""


class Needed(Exception):
    """Definitions that have to be looked up first."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__("definitions are needed")
        self.keys = keys


@dataclass(slots=True)
class Known:
    """What was found in the record so far, by key; R4's own definitions stand behind it."""

    found: Mapping[Key, Sequence[Json]]
    _concepts: dict[str, Concepts | None] = field(default_factory=dict)

    def need(self, keys: Sequence[Key]) -> None:
        """Raises Needed for those not looked up yet."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.found]
        if missing:
            raise Needed(missing)

    def definition(self, resource_type: str, canonical: str) -> Json | None:
        """The resource of a canonical URL: the version asked for, or else the newest, those that are active first."""
        url, _, version = canonical.partition("|")
        self.need([(resource_type, url)])
        own = self.found[resource_type, url]
        shippable = shipped(resource_type, url)
        for some in (own, [shippable] if shippable else []):
            fitting = [one for one in some if not version or one.get("version") == version]
            fitting = [one for one in fitting if one.get("content") != "supplement"]
            if fitting:
                return max(fitting, key=lambda one: (one.get("status") == "active", one.get("date", "")))
        return None

    def concepts(self, system: str, version: str | None) -> Concepts | None:
        """The concepts of a system; None unless all of them are known."""
        canonical = f"{system}|{version}" if version else system
        if canonical not in self._concepts:
            found = self.definition("CodeSystem", canonical)
            complete = found is not None and found.get("content") == "complete"
            self._concepts[canonical] = Concepts(found) if found is not None and complete else None
        return self._concepts[canonical]


def expanded(value_set: Json, known: Known, within: tuple[str, ...] = ()) -> BySystem:
    """The codes of a ValueSet. Raises Needed; Invalid for one that cannot be expanded, with the element and reason.

    within: URLs of the value sets that import it.
    """
    compose = value_set.get("compose")
    stored = value_set.get("expansion")
    if compose is None:
        if stored is None:
            raise Invalid("the value set has neither compose nor expansion", code="not-supported")
        return _contained(stored)
    try:
        return _composed(compose, known, (*within, value_set.get("url", "")))
    except Invalid:
        if stored is None or not stored.get("contains"):
            raise
        return _contained(stored)


def related(system: str, code: str, known: Known, *, above: bool) -> BySystem:
    """The code and all below (or above) it in its system. Raises Needed, Invalid."""
    concepts = known.concepts(system, None)
    if concepts is None:
        raise Invalid("the concepts of the code's system are neither stored nor shipped here", code="not-supported")
    exact = next((one for one in concepts.all() if one.casefold() == code.casefold()), code)
    return {system: Codes(concepts.ancestors(exact) if above else concepts.descendants(exact))}


def _composed(compose: Json, known: Known, within: tuple[str, ...]) -> BySystem:
    includes, excludes = compose.get("include", ()), compose.get("exclude", ())
    # All that is referred to at once: a set that was never asked for takes as many looks as it is deep.
    known.need([key for part in (*includes, *excludes) for key in _keys(part)])
    active = compose.get("inactive") is False
    found: BySystem = {}
    for number, part in enumerate(includes):
        found = union(found, _part(part, known, within, f"ValueSet.compose.include[{number}]", active))
        if size(found) > MAX_CODES:
            raise Invalid(f"the value set has more than {MAX_CODES:,} codes", code="too-costly")
    for number, part in enumerate(excludes):
        found = difference(found, _part(part, known, within, f"ValueSet.compose.exclude[{number}]", False))
    return found


def _keys(part: Json) -> list[Key]:
    sets: list[Key] = [("ValueSet", url.partition("|")[0]) for url in part.get("valueSet", ())]
    return sets if "system" not in part else [*sets, ("CodeSystem", part["system"])]


def _part(part: Json, known: Known, within: tuple[str, ...], path: str, active: bool) -> BySystem:
    """What one include or exclude selects: all of its conditions at once."""
    sets = [_imported(url, known, within, path) for url in part.get("valueSet", ())]
    if "system" in part:
        codes = _of_system(part, known, path, active)
        sets.append({part["system"]: codes} if codes else {})
    if not sets:
        raise Invalid(f"{path} names neither a system nor a value set", code="not-supported")
    return reduce(intersection, sets)


def _of_system(part: Json, known: Known, path: str, active: bool) -> Codes:
    concepts = known.concepts(part["system"], part.get("version"))
    filters = part.get("filter", ())
    if "concept" in part:
        codes = Codes(frozenset(row["code"] for row in part["concept"]))
    elif concepts is None:
        # All codes of a system can be told by the system alone.
        codes = EVERY
    else:
        codes = Codes(concepts.all())
    for number, condition in enumerate(filters):
        place = f"{path}.filter[{number}]"
        if concepts is None:
            raise Invalid(
                f"{place}: the concepts of its system are neither stored nor shipped here", code="not-supported"
            )
        codes &= Codes(concepts.selected(condition["property"], condition["op"], condition["value"], place))
    if active and concepts is not None:
        codes &= Codes(concepts.active())
    return codes


def _imported(canonical: str, known: Known, within: tuple[str, ...], path: str) -> BySystem:
    if canonical.partition("|")[0] in within:
        raise Invalid(f"{path}.valueSet: value sets import each other in a circle", code="not-supported")
    found = known.definition("ValueSet", canonical)
    if found is None:
        raise Invalid(f"{path}.valueSet: this value set is neither stored nor shipped here", code="not-found")
    return expanded(found, known, within)


def _contained(expansion: Json) -> BySystem:
    """The codes of a stored expansion. Raises Invalid for one that is not whole."""
    found: dict[str, set[str]] = {}
    waiting = list(expansion.get("contains", ()))
    count = 0
    while waiting:
        row = waiting.pop()
        count += 1
        waiting += row.get("contains", ())
        if "code" in row and "system" in row and row.get("abstract") is not True:
            found.setdefault(row["system"], set()).add(row["code"])
    if expansion.get("total", 0) > count or expansion.get("offset"):
        raise Invalid("ValueSet.expansion is one page of more", code="incomplete")
    if count > MAX_CODES:
        raise Invalid(f"the value set has more than {MAX_CODES:,} codes", code="too-costly")
    return {system: Codes(frozenset(codes)) for system, codes in found.items()}
