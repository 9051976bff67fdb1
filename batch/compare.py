"""The ERP's record beside the hub's, key by key. Tasy contract, B-4: nothing is applied. Pure.

Of one type after another, the ERP's side is in memory, packed; the hub's streams by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from batch.canonical import ACTIVE, FIELDS, STATE, Field, canonical
from batch.entities import Entity
from mappings.tasy.site import Site

Json = Any


class Kind(StrEnum):
    """What can be different."""

    ONLY_HUB = "só no hub"
    ONLY_TASY = "só no Tasy"
    IDENTITY = "identificação diferente"
    CONTENT = "conteúdo diferente"
    STATE = "situação diferente"
    DUPLICATE_HUB = "duplicado no hub"
    DUPLICATE_TASY = "duplicado no Tasy"
    ORPHAN = "órfão"


class Difference(NamedTuple):
    """One finding."""

    kind: Kind
    type: str
    id: str
    field: str = ""
    hub: str = ""
    tasy: str = ""
    other: str = ""
    """Of a duplicate: the id of the first with the same."""
    newest: str = ""
    """hub or tasy: which side was changed last."""


@dataclass(slots=True)
class Tally:
    """Records of one type: in the hub = equal + different + only_hub + duplicate_hub; in Tasy likewise, and orphans."""

    hub: int = 0
    tasy: int = 0
    equal: int = 0
    different: int = 0
    only_hub: int = 0
    only_tasy: int = 0
    duplicate_hub: int = 0
    duplicate_tasy: int = 0
    orphan: int = 0
    """Only in Tasy, and referring to nothing there."""

    @property
    def adds_up(self) -> bool:
        """Whether every record is counted once."""
        both = self.equal + self.different
        return (
            self.hub == both + self.only_hub + self.duplicate_hub
            and self.tasy == both + self.only_tasy + self.duplicate_tasy + self.orphan
        )


@dataclass(slots=True)
class Comparison:
    """What was found."""

    site: Site
    tasy_changed: datetime
    """Until when the ERP's side knows of changes."""
    differences: list[Difference] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    _present: dict[str, set[str]] = field(default_factory=dict)
    """Ids of the ERP's side by type, for what refers to them."""

    @property
    def kinds(self) -> Counter[Kind]:
        """How many of each kind."""
        return Counter(one.kind for one in self.differences)

    def begin(self, kind: Entity, tasy: Iterable[Json], theirs: Callable[[str], bool]) -> Hub:
        """Reads the ERP's side of a type; what is given back takes the hub's side.

        theirs: whether the ERP gave an id; of others only duplicates matter.
        """
        there = _Tasy(self, kind)
        for one in tasy:
            there.add(one)
        self._present[kind.type] = set(there.packed)
        return Hub(self, kind, there, theirs)


def _fields(kind: Entity) -> tuple[Field | None, ...]:
    return (None, *FIELDS[kind.type])


class _Duplicates:
    """The first record of each value of what is unique, on one side; of who has no number, of name and birth."""

    def __init__(self, kind: Entity) -> None:
        fields = FIELDS[kind.type]
        self._places = [(place, one) for place, one in enumerate(fields, 1) if one.unique]
        names = {one.name: place for place, one in enumerate(fields, 1)}
        self._person = (names["nome"], names["nascimento"]) if {"nome", "nascimento"} <= names.keys() else None
        self._first: dict[tuple[str, str], str] = {}

    def of(self, id: str, values: tuple[str, ...]) -> tuple[str, str, str] | None:
        """What another record has already: field, value, and whose it was first."""
        if values[0] != ACTIVE:
            return None  # what has ended may be followed by another
        keys = [(one.name, values[place]) for place, one in self._places if values[place]]
        if not keys and self._person is not None and all(values[place] for place in self._person):
            keys = [("nome", " ".join(values[place] for place in self._person))]
        for name, value in keys:
            first = self._first.setdefault((name, value), id)
            if first != id:
                return name, value, first
        return None


class _Tasy:
    """The ERP's side of a type."""

    def __init__(self, comparison: Comparison, kind: Entity) -> None:
        self.comparison, self.kind = comparison, kind
        self.tally = comparison.tallies.setdefault(kind.type, Tally())
        self.packed: dict[str, bytes] = {}
        self.matched: set[str] = set()
        self.told: dict[str, Kind] = {}
        """Of those that are duplicates or orphans."""
        self._duplicates = _Duplicates(kind)
        self._encoder, self._decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(tuple[str, ...])

    def add(self, resource: Json) -> None:
        id = self.kind.key(resource, self.comparison.site)
        self.tally.tasy += 1
        values = canonical(resource, self.kind, self.comparison.site)
        if id in self.packed:
            self.tally.duplicate_tasy += 1
            self.comparison.differences.append(Difference(Kind.DUPLICATE_TASY, self.kind.type, id, "id", other=id))
            return
        self.packed[id] = self._encoder.encode(values)
        if twice := self._duplicates.of(id, values):
            name, value, first = twice
            self.told[id] = Kind.DUPLICATE_TASY
            self.comparison.differences.append(
                Difference(Kind.DUPLICATE_TASY, self.kind.type, id, name, tasy=value, other=first)
            )
        for one, value in zip(FIELDS[self.kind.type], values[1:], strict=True):
            if one.refers and value and self._leads_nowhere(value):
                self.told.setdefault(id, Kind.ORPHAN)
                self.comparison.differences.append(
                    Difference(Kind.ORPHAN, self.kind.type, id, one.name, tasy=value, newest="tasy")
                )

    def _leads_nowhere(self, reference: str) -> bool:
        """Whether the ERP's side has no such record. Of types that it does not tell of nobody can say."""
        kind, _, id = reference.partition("/")
        if kind == self.kind.type:
            return False
        present = self.comparison._present.get(kind)
        return present is not None and id not in present

    def encoded(self, values: tuple[str, ...]) -> bytes:
        return self._encoder.encode(values)

    def values(self, id: str) -> tuple[str, ...]:
        return self._decoder.decode(self.packed[id])

    def rest(self) -> None:
        """What the hub does not have."""
        for id in self.packed:
            if id in self.matched:
                continue
            told = self.told.get(id)
            if told is Kind.DUPLICATE_TASY:
                self.tally.duplicate_tasy += 1
            elif told is Kind.ORPHAN:
                self.tally.orphan += 1
            else:
                self.tally.only_tasy += 1
                self.comparison.differences.append(Difference(Kind.ONLY_TASY, self.kind.type, id, newest="tasy"))


class Hub:
    """The hub's side of a type, as it streams by."""

    def __init__(self, comparison: Comparison, kind: Entity, there: _Tasy, theirs: Callable[[str], bool]) -> None:
        self._comparison, self._kind, self._there, self._theirs = comparison, kind, there, theirs
        self._duplicates = _Duplicates(kind)

    def end(self) -> None:
        """The hub has no more."""
        self._there.rest()

    def add(self, resource: Json) -> None:
        """One resource of the hub's."""
        id, there, tally = self._kind.key(resource, self._comparison.site), self._there, self._there.tally
        values = canonical(resource, self._kind, self._comparison.site)
        twice = self._duplicates.of(id, values)
        known = id in there.packed
        if not known and not twice and not (self._theirs(id) and self._kind.told(resource)):
            return
        tally.hub += 1
        found = self._comparison.differences
        if twice:
            name, value, first = twice
            found.append(Difference(Kind.DUPLICATE_HUB, self._kind.type, id, name, hub=value, other=first))
        if known:
            there.matched.add(id)
            if there.packed[id] == there.encoded(values):
                tally.equal += 1
            else:
                tally.different += 1
                self._differ(id, values, str(resource.get("meta", {}).get("lastUpdated", "")))
        elif twice:
            tally.duplicate_hub += 1
        else:
            tally.only_hub += 1
            found.append(Difference(Kind.ONLY_HUB, self._kind.type, id, newest="hub"))

    def _differ(self, id: str, values: tuple[str, ...], changed: str) -> None:
        newest = "hub" if changed and datetime.fromisoformat(changed) > self._comparison.tasy_changed else "tasy"
        orphan = self._there.told.get(id) is Kind.ORPHAN
        for one, hub, tasy in zip(_fields(self._kind), values, self._there.values(id), strict=True):
            if hub == tasy or (one is not None and one.refers and orphan):
                continue  # an orphan is told already
            kind = Kind.STATE if one is None else Kind.IDENTITY if one.identity else Kind.CONTENT
            name = STATE if one is None else one.name
            self._comparison.differences.append(Difference(kind, self._kind.type, id, name, hub, tasy, newest=newest))
