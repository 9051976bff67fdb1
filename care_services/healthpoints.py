"""HealthPoints: what earns points and what never does, what lapses, and how many somebody has. Pure.

The care services' contract, section 9. Points are for joining and taking part, the same for everybody whatever their
health; the ledger is entries in the record, each bound to the event it is for: https://hl7.org/fhir/R4/basic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from care_services.consent import PURPOSE as PURPOSES
from care_services.consent import Said
from mappings.identifiers import Systems, coding, concept, value_of

Json = Any

PURPOSE = "healthpoints"
JOINED, LAPSED = "joined", "lapsed"
EARNS: Mapping[str, int] = {JOINED: 50, "check-in-answered": 10, "vaccine-day-attended": 30, "course-finished": 40}
"""What earns points. Nothing else does: no result, no weight, no use of services, no silence."""
ONCE = frozenset({JOINED})
"""What is earned once by a person, however often it happens."""
KEPT = timedelta(days=90)
"""From a no on, what was earned stays for that long."""
KINDS, EVENT = "pontos", "pontos/evento"
"""Code system of what entries are for; system of the identifier that binds one to its event."""
_POINTS, _AT = "pontos", "momento"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    kind: str
    """One of EARNS, or LAPSED: its points are negative."""
    event: str
    """What it is for: there is one entry of it."""
    points: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Points:
    """What is known of somebody's points."""

    own: str
    """Their identity on the channel: events that are theirs alone begin with it."""
    entries: tuple[Entry, ...] = ()


class Refused(Enum):
    """Why nothing is earned."""

    NO_SUCH = "points are not given for this"
    NOT_JOINED = "the member has not joined"
    CLINICAL = "no points from or during a clinical matter"
    THERE = "it is in the ledger"


def decide(
    kind: str, event: str, at: datetime, entries: Iterable[Entry], said: Said | None, *, clinical: bool
) -> Entry | Refused:  # fmt: skip
    """What an event earns. said: of the purpose. clinical: whether it comes from a clinical matter, or amid one."""
    if kind not in EARNS:
        return Refused.NO_SUCH
    if clinical:
        return Refused.CLINICAL
    if said is None or not said.granted:
        return Refused.NOT_JOINED
    if any(one.event == event or (kind in ONCE and one.kind == kind) for one in entries):
        return Refused.THERE
    return Entry(kind, event, EARNS[kind], at)


def balance(entries: Iterable[Entry], said: Said | None, at: datetime) -> int:
    """Points at a moment: the sum while they take part, and for 90 days after their no."""
    if said is None or not (said.granted or at < said.at + KEPT):
        return 0
    return _sum(entries, at)


def lapsed(points: Points, said: Said | None, at: datetime) -> Entry | None:
    """What a new yes finds gone: all that was earned before a no of over 90 days ago; None: nothing is."""
    if said is None or said.granted or at < said.at + KEPT:
        return None
    gone = _sum(points.entries, at)
    return Entry(LAPSED, f"{points.own}:{LAPSED}:{int(said.at.timestamp())}", -gone, at) if gone else None


def _sum(entries: Iterable[Entry], at: datetime) -> int:
    return sum({one.event: one.points for one in entries if one.at <= at}.values())


def basic(entry: Entry, who: Json, systems: Systems) -> Json:
    """An entry as it stands in the record. who: whose it is, Reference."""
    at = entry.at.astimezone(UTC)
    return {
        "resourceType": "Basic",
        "meta": {"tag": [coding(PURPOSES, PURPOSE)]},  # there by consent alone, and goes when its erasure is asked for
        "extension": [
            {"url": systems.extension(_POINTS), "valueInteger": entry.points},
            {"url": systems.extension(_AT), "valueInstant": at.isoformat(timespec="milliseconds")},
        ],
        "identifier": [{"system": systems.sid(EVENT), "value": entry.event}],
        "code": concept(coding(systems.codes(KINDS), entry.kind)),
        "subject": who,
        "created": at.date().isoformat(),
    }


def entries(resources: Iterable[Json], systems: Systems) -> tuple[Entry, ...]:
    """The lines of the ledger among resources; what is none is passed over."""
    found = []
    for one in resources:
        more = {each["url"]: each for each in one.get("extension", ())}
        points, at = more.get(systems.extension(_POINTS), {}), more.get(systems.extension(_AT), {})
        event = value_of(one, systems.sid(EVENT))
        kinds = [each for each in one["code"].get("coding", ()) if each.get("system") == systems.codes(KINDS)]
        if event and kinds and "valueInteger" in points and "valueInstant" in at:
            moment = datetime.fromisoformat(at["valueInstant"])
            found.append(Entry(kinds[0]["code"], event, points["valueInteger"], moment))
    return tuple(found)
