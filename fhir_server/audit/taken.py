"""Events taken out of the intake, on their way into a batch: their lines completed, and what they are found by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from fhir_server.audit.event import Event
from fhir_server.audit.rows import Shown, unpacked, unpacked_reads
from fhir_server.search.rows import hash64

PATIENT, SUBJECT, CLIENT = 0, 1, 2
"""Kinds of key a batch is found by: rid of a patient, hash of who acted, hash of the app they used."""

_Members = list[Any]
"""Of an Event, in order, as its line has them: those at the end that say nothing may be missing."""
_SUBJECT, _CLIENT, _SEEN, _WRITTEN, _PATIENTS = map(
    Event._fields.index, ("subject", "client", "seen", "written", "patients")
)


class Taken:
    """Rows of the intake, in order."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        """Of the events: once completed, with the patients concerned."""
        self._reads: dict[int, Shown] = {}
        """By the place of their line."""
        self._others: list[tuple[int, _Members, list[int]]] = []
        """Place of its line, the event, rids of what it has seen and written."""
        self._names: tuple[set[str], set[str]] = set(), set()
        """Of those who acted, and of their apps."""
        self._patients: set[int] = set()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def first_at(self) -> int:
        """When the earliest event was, in microseconds since 1970 UTC."""
        return _at(min(self.lines))  # instants have 16 digits until the year 2286

    @property
    def last_at(self) -> int:
        """When the last one was."""
        return _at(max(self.lines))

    def add(self, lines: bytes, rids: bytes | None, places: bytes | None) -> None:
        """The events of a row: its columns in binary format."""
        subjects, clients = self._names
        if rids is not None and places is not None:
            agents, shown = unpacked_reads(lines, rids, places)
            for subject, client in agents:
                subjects.add(subject)
                clients.add(client)
            known = len(self._reads)
            self._reads.update(enumerate(shown, len(self.lines)))
            self.lines += [b""] * (len(self._reads) - known)
            return
        whole = unpacked(lines)
        events: list[_Members] = orjson.loads(b"[%b]" % b",".join(whole))
        for place, event in enumerate(events, len(self.lines)):
            self._others.append((place, event, _touched(event)))
            subjects.update(event[_SUBJECT : _SUBJECT + 1])
            clients.update(event[_CLIENT : _CLIENT + 1])
        self.lines += whole

    def rids(self) -> list[int]:
        """Of all that the events have seen and written."""
        found = {rid for _, rid, _ in self._reads.values()}
        return sorted(found.union(*(touched for _, _, touched in self._others)))

    def complete(self, concerned: Iterable[tuple[int, int]]) -> None:
        """Adds to the events and their lines the patients they concern. concerned: (rid, rid of a patient in whose
        record it is)."""
        first: dict[int, int] = {}
        others: dict[int, set[int]] = {}  # of what is in the record of several patients, those beside the first
        for rid, patient in concerned:
            if first.setdefault(rid, patient) != patient:
                others.setdefault(rid, set()).add(patient)
        self._patients.update(first.values())
        lines = self.lines
        for place, (head, rid, version) in self._reads.items():
            if rid not in first:
                lines[place] = b"%b,[[%d,%d]]]" % (head, rid, version)
            elif rid not in others:  # as nearly all
                lines[place] = b"%b,[[%d,%d]],[],[%d]]" % (head, rid, version, first[rid])
            else:
                patients = sorted({first[rid], *others[rid]})
                self._patients.update(patients)
                lines[place] = b"%b,[[%d,%d]],[],%b]" % (head, rid, version, orjson.dumps(patients))
        for place, event, touched in self._others:
            found = set(filter(None, map(first.get, touched)))
            found.update(*(others[rid] for rid in others.keys() & touched))
            if len(event) > _PATIENTS:
                found.update(event[_PATIENTS])
            if not found:
                continue
            self._patients |= found
            if len(event) == _WRITTEN:
                # Its line need not be written anew.
                lines[place] = b"%b,[],%b]" % (lines[place][:-1], orjson.dumps(sorted(found)))
            else:
                event += [[]] * (_PATIENTS + 1 - len(event))
                event[_PATIENTS] = sorted(found)
                lines[place] = orjson.dumps(event)

    def keys(self) -> set[tuple[int, int]]:
        """(kind, key) of whom the events concern, who acted, and by which apps."""
        subjects, clients = self._names
        named = ((SUBJECT, subjects), (CLIENT, clients))
        by_name = {(kind, hash64(name)) for kind, names in named for name in names if name}
        return by_name.union((PATIENT, rid) for rid in self._patients)


def _at(line: bytes) -> int:
    return int(line[1 : line.index(b",")])


def _touched(event: _Members) -> list[int]:
    """rids of what it has seen and written."""
    if len(event) <= _SEEN:
        return []
    seen = [one if isinstance(one, int) else one[0] for one in event[_SEEN]]
    return seen + [one[0] for one in event[_WRITTEN]] if len(event) > _WRITTEN else seen
