"""Differences that are put into a reconciliation on purpose, and the list of them. Tasy contract, 10.3 (B-4) and 17."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from simulators.tasy import families, roster
from simulators.tasy.flaws import Line
from simulators.tasy.systems import identifier, sid

Json = dict[str, Any]

OF_MEMBERS = ("only-in-hub", "name", "birth-date", "card", "status", "duplicate")
"""A member whom the ERP has no more; another value of an element, four times; somebody under a second key."""
KINDS = (*OF_MEMBERS, "only-in-tasy", "orphan")
"""And a member whom only the ERP has; a contract of nobody."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference that was put in."""

    kind: str
    references: tuple[str, ...]
    """Resources by which it shows; of a duplicate the second key first."""


class Seeded:
    """So many differences of each kind, each of a member of its own."""

    def __init__(self, members: Iterable[Json], each: int, seed: int, today: date) -> None:
        """Raises ValueError: there are too few members for so many."""
        # Holders stay as they are: what refers to one who is left out would be a difference more.
        keys = [
            (one["segurado"]["nr_seq_segurado"], roster.patient_id(one))
            for one in members
            if one["segurado"]["nr_seq_titular"] and one["segurado"]["ie_situacao"] != "I"
        ]
        count = each * len(OF_MEMBERS)
        if len(keys) < count:
            raise ValueError(f"{each} differences of each kind need {count} active members who are not holders")
        self._kinds: dict[str, str] = {}
        """By type and id of each resource of a chosen member."""
        self._new = [families.family(seed, 4_500_000 + number, today)[0] for number in range(each)]
        self._nobody = [families.family(seed, 4_600_000 + number, today)[0] for number in range(each)]
        self.told: list[Difference] = []
        for number, (key, who) in enumerate(Random(-3 - seed).sample(keys, count)):
            kind = OF_MEMBERS[number % len(OF_MEMBERS)]
            cover = roster.coverage_id(key)
            patient, mine = f"Patient/{who}", f"Coverage/{cover}"
            shown = {
                "only-in-hub": (patient, f"RelatedPerson/{cover}-titular", mine),
                "card": (mine,),
                "status": (mine,),
                "duplicate": (f"Patient/{_twin(who)}", patient),
            }.get(kind, (patient,))
            self._kinds |= dict.fromkeys(shown, kind)
            self.told.append(Difference(kind, shown))
        for kind, found in (("only-in-tasy", self._new), ("orphan", self._nobody)):
            for member in found:
                mine = f"Coverage/{roster.coverage_id(member['segurado']['nr_seq_segurado'])}"
                patient = f"Patient/{roster.patient_id(member)}"
                self.told.append(Difference(kind, (mine,) if kind == "orphan" else (patient, mine)))

    def lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines with the differences in them."""
        for type, line in lines:
            kind = self._kinds.get(f"{type}/{line['id']}") if isinstance(line, dict) else None
            if kind is None or not isinstance(line, dict):
                yield type, line
            elif kind != "only-in-hub":
                for changed in _changed(kind, line):
                    yield type, changed
        for member in self._new:
            yield "Patient", roster.patient(member)
            yield "Coverage", roster.coverage(member, member)
        for member in self._nobody:
            yield "Coverage", roster.coverage(member, member)


def _twin(patient: str) -> str:
    return f"pf-{9_000_000 + int(patient.removeprefix('pf-'))}"


def _changed(kind: str, line: Json) -> Sequence[Json]:
    if kind == "name":
        name = {"use": "official", "text": f"{line['name'][-1]['text']} NETO"}
        return [{**line, "name": [*line["name"][:-1], name]}]
    if kind == "birth-date":
        born = date.fromisoformat(line["birthDate"]) - timedelta(days=1)
        return [{**line, "birthDate": born.isoformat()}]
    if kind == "card":
        card = f"9{line['subscriberId'][1:]}"
        others = [one for one in line["identifier"] if one["system"] != sid("carteira")]
        return [{**line, "subscriberId": card, "identifier": [*others, *identifier(sid("carteira"), card)]}]
    if kind == "status":
        return [{**line, "status": "cancelled"}]
    twin = _twin(line["id"])
    others = [one for one in line["identifier"] if one["system"] != sid("tasy/pessoa-fisica")]
    own = identifier(sid("tasy/pessoa-fisica"), twin.removeprefix("pf-"))
    return [line, {**line, "id": twin, "identifier": [*others, *own]}]
